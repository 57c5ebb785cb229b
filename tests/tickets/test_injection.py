"""What senders choose stays text: no link, mention, image, HTML or heading comes from data."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from perfd.interfaces import Message
from perfd.model.deploy import Deploy
from perfd.model.evidence import Found
from perfd.model.ticket import Suspect, Ticket
from perfd.tickets.compose import body_of, title_of
from perfd.tickets.document import ticket_json
from perfd.tickets.events import Closed, Seen
from perfd.tickets.follow import step
from perfd.tickets.markdown import clean, code, fenced, plain, words
from perfd.tickets.secrets import BLOT, scrub
from perfd.trackers.markdown import render
from tests.tickets.samples import FOUND, POLICY, evidence, finding, found

GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
BASE = "https://perfd.example"

PAYLOADS = (
    "@everyone",
    "<script>alert(1)</script>",
    "![x](http://evil.example/x.png)",
    "[a](javascript:alert(1))",
    "`` ` ```",
    "`@team`",
    "``@team",
    "a|b|c",
    "\\`@team\\`",
    "\n\n# Heading\n\n@team",
    "\n```\n@team\n",
    "http://evil.example www.evil.example mailto:a@b.example a@b.example",
    "<http://evil.example>",
    "\u202egnp.exe",
    "&lt;img src=x&gt; &commat;team",
    "#1 GH-1 owner/repo#1",
    "*bold* _it_ ~~gone~~ $x$",
    "[ref]: http://evil.example",
    "]: http://evil.example",
    "a\x00b\x1b[31m\r\nc",
    "\\",
    "|",
    "",
)
nasty = st.one_of(
    st.sampled_from(PAYLOADS),
    st.text(alphabet="`|\\<>[]()!@#*_~&:/.\n aw-$^", max_size=60),
    st.text(max_size=80),
    st.lists(st.sampled_from(PAYLOADS), max_size=3).map(" ".join),
)

MENTION = re.compile(r"(?<![\w`])@[A-Za-z0-9]|(?<!\w)#\d|://|\bwww\.|mailto:\w", re.IGNORECASE)
LINKS = ("link_open", "image", "html_inline", "html_block")


def tokens(markdown: str) -> Iterator[Token]:
    for token in GFM.parse(markdown):
        yield token
        yield from token.children or ()


def harmless(markdown: str, links: int, headings: int = 0) -> None:
    """No more links and headings than perfd's own; no HTML, image or mention at all."""
    found_ = list(tokens(markdown))
    assert sum(t.type == "link_open" for t in found_) == links
    assert not [t for t in found_ if t.type in ("image", "html_inline", "html_block", "definition")]
    assert sum(t.type == "heading_open" for t in found_) == headings
    for token in found_:
        if token.type == "text":
            assert not MENTION.search(token.content), token.content
    for token in found_:
        if token.type == "link_open":
            assert str(token.attrs["href"]).startswith(BASE)


def poisoned(text: str) -> tuple[Ticket, Found]:
    """A ticket in which every name that a sender can choose is `text`."""
    what = finding(
        service=f"s{text}", operation=text, version=f"v{text}", previous=text, environment=text
    )
    proof = evidence(what)
    spot = dataclasses.replace(proof.hotspots[0], function=text, file=text)
    calls = (dataclasses.replace(proof.calls[0], name=text),)
    slow = (dataclasses.replace(proof.exemplars_after[0], trace_id=text),)
    proof = dataclasses.replace(proof, hotspots=(spot,), calls=calls, exemplars_after=slow)
    checks = tuple(dataclasses.replace(c, verdict=f"about {text}") for c in what.checks)
    of = Found(dataclasses.replace(what, checks=checks), proof)
    ticket, _ = step(None, Seen(of), POLICY, FOUND)
    suspect = Suspect("deploy", text, text, 0.9, commit=text, url=text)
    return dataclasses.replace(ticket, suspects=(suspect,)), of


@settings(max_examples=15, deadline=None)
@given(nasty)
def test_a_ticket_of_poison_is_a_ticket_of_text(text: str) -> None:
    ticket, of = poisoned(text)
    harmless(body_of(ticket, of.evidence, BASE), links=1)


@pytest.mark.soak
@pytest.mark.slow
@settings(max_examples=3_000, deadline=None)
@given(nasty)
def test_thousands_of_poisoned_tickets(text: str) -> None:
    ticket, of = poisoned(text)
    harmless(body_of(ticket, of.evidence, BASE), links=1)


@pytest.mark.parametrize("text", PAYLOADS)
def test_known_poison(text: str) -> None:
    ticket, of = poisoned(text)
    harmless(body_of(ticket, of.evidence, BASE), links=1)


@pytest.mark.parametrize("text", PAYLOADS)
def test_the_file_is_as_harmless_as_the_body(text: str) -> None:
    ticket, of = poisoned(text)
    ticket, _ = step(ticket, Closed("wrong", text, actor=text), POLICY, FOUND)  # type: ignore[arg-type]
    body = body_of(ticket, of.evidence, BASE)
    message = Message("k", "closed", ticket, title_of(ticket), body, ticket_json(ticket, BASE))
    harmless(render(message), links=1, headings=2)


@settings(max_examples=150, deadline=None)
@given(nasty)
def test_a_code_span_holds_whatever_is_put_into_it(text: str) -> None:
    line = f"before {code(text)} after"
    inline = [
        t for t in tokens(line) if t.type not in ("inline", "paragraph_open", "paragraph_close")
    ]
    assert [t.type for t in inline] == ["text", "code_inline", "text"]
    table = GFM.render(f"| a | b |\n| --- | --- |\n| {code(text)} | end |")
    assert table.count("<td>") == 2


@settings(max_examples=150, deadline=None)
@given(nasty)
def test_a_fence_ends_where_it_should(text: str) -> None:
    kinds = [t.type for t in GFM.parse(fenced(clean(text), "json") + "\n\nafter")]
    assert kinds == ["fence", "paragraph_open", "inline", "paragraph_close"]


@settings(max_examples=150, deadline=None)
@given(nasty)
@example("# a")
def test_titles_and_sentences_render_to_nothing_but_text(text: str) -> None:
    for line in (plain(text), words(text)):
        assert "\n" not in line
        kinds = {t.type for t in tokens(f"x {line}")}
        assert not kinds & set(LINKS), kinds
        assert not MENTION.search(line)
    assert {t.type for t in tokens(f"x {words(text)}")} <= {
        "paragraph_open",
        "inline",
        "text",
        "text_special",
        "paragraph_close",
    }


def test_bidi_and_control_characters_are_gone() -> None:
    assert clean("a\u202eb\u200bc\x1b[31md\ud800") == "abc[31md"
    assert title_of(poisoned("\u202e@everyone")[0]).isprintable() is False  # the invisible break
    assert "\u202e" not in title_of(poisoned("\u202e@everyone")[0])


SECRETS = (
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "glpat-abcdefghijklmnopqrst",
    "xoxb-123456789012-abcdefghijkl",
    "sk_live_abcdefghijklmnop",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "Bearer abcdef1234567890",
    "Authorization: hunter2hunter2",
    "password=hunter2",
    "api_key: hunter2hunter2",
    "https://ada:hunter2@db.example/x",
    "https://db.example/x?token=hunter2&b=1",
    "-----BEGIN RSA PRIVATE KEY-----",
)
CANARY = re.compile(
    r"AKIAIOSF|ghp_abc|glpat-abc|xoxb-123|sk_live_abc|AIzaSyA|eyJhbGci|abcdef1234567890|hunter2"
    r"|PRIVATE KEY"
)


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_do_not_reach_a_ticket(secret: str) -> None:
    ticket, of = poisoned(f"GET /x {secret} y")
    assert not CANARY.search(body_of(ticket, of.evidence, BASE))
    assert not CANARY.search(title_of(ticket))
    assert BLOT in scrub(secret) or "?…" in scrub(secret)


@pytest.mark.parametrize(
    "name", ["POST /quote", "SELECT price FROM rule WHERE id = ?", "a::b<T>::tokenize", "x?y"]
)
def test_names_of_every_day_are_left_alone(name: str) -> None:
    assert scrub(name) == name


def test_a_deploy_message_is_not_part_of_a_ticket() -> None:
    """Only its trailer is read; the text itself never leaves."""
    assert "message" not in {f.name for f in dataclasses.fields(Suspect)}
    assert "message" in {f.name for f in dataclasses.fields(Deploy)}
    assert "hello" not in str(ticket_json(step(None, Seen(found()), POLICY, FOUND)[0], BASE))
