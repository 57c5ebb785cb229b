"""Who may push, read and change: DESIGN section 9 as a table."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfd.errors import ConfigError, Refused
from perfd.tls.settings import TlsSettings
from perfd.web.access import Access, Caller, Purpose, host_name, is_loopback
from perfd.web.credentials import (
    Doors,
    access_for,
    only_local,
    read_token,
    server_context,
)
from perfd.web.session import LIFETIME, issue, valid
from perfd.web.settings import AuthSettings

TOKEN = "correct-horse-battery"
HERE = Caller(host="127.0.0.1:4040")
OWN_PAGE = replace(HERE, origin="http://127.0.0.1:4040", site="same-origin")
OTHER_PAGE = replace(HERE, origin="https://evil.example", site="cross-site")
REBOUND = Caller(host="evil.example:4040", origin="http://evil.example:4040", site="same-origin")
REBOUND_BY_LINK = Caller(host="evil.example:4040")  # no Origin with a GET of its own origin
PROXIED = Caller(host="perfd.example")
WITH_TOKEN = replace(HERE, authorization=f"Bearer {TOKEN}")
WRONG_TOKEN = replace(HERE, authorization="Bearer wrong-horse-battery")
SIGNED_IN = replace(OWN_PAGE, signed_in=True)
SIGNED_IN_ELSEWHERE = replace(OTHER_PAGE, signed_in=True)

LOCAL = Access(loopback=True)
LOCAL_TOKEN = Access(loopback=True, token=TOKEN)
BEHIND_PROXY = Access(loopback=True, token=TOKEN, public_url="https://perfd.example/perf")
OPEN_TO_ALL = Access(loopback=False)
REMOTE = Access(loopback=False, token=TOKEN)
REMOTE_READ = Access(loopback=False, token=TOKEN, anonymous_read=True)

READ, CHANGE, PUSH = Purpose.READ, Purpose.CHANGE, Purpose.PUSH
ALL, NONE = {READ, CHANGE, PUSH}, set[Purpose]()

MATRIX = [
    (LOCAL, HERE, ALL),
    (LOCAL, OWN_PAGE, ALL),
    (LOCAL, OTHER_PAGE, {READ}),
    (LOCAL, REBOUND, NONE),
    (LOCAL, REBOUND_BY_LINK, {PUSH}),
    (LOCAL, replace(REBOUND_BY_LINK, host="perfd:4040"), {READ, PUSH}),
    (LOCAL, replace(REBOUND_BY_LINK, host="host.docker.internal:4040"), {READ, PUSH}),
    (LOCAL, replace(REBOUND_BY_LINK, host="10.0.0.3:4040"), {READ, PUSH}),
    (LOCAL, replace(HERE, origin="null"), {READ}),
    (LOCAL, replace(HERE, origin="http://127.0.0.1:9999"), {READ, PUSH}),
    (LOCAL, replace(HERE, host=""), {READ, PUSH}),
    (BEHIND_PROXY, PROXIED, {READ, PUSH}),
    (BEHIND_PROXY, REBOUND_BY_LINK, {PUSH}),
    (BEHIND_PROXY, replace(PROXIED, origin="https://perfd.example", signed_in=True), ALL),
    (BEHIND_PROXY, replace(PROXIED, origin="https://evil.example", signed_in=True), {READ}),
    (LOCAL_TOKEN, REBOUND, NONE),
    (LOCAL_TOKEN, replace(REBOUND, authorization=f"Bearer {TOKEN}"), ALL),
    (LOCAL_TOKEN, HERE, {READ, PUSH}),
    (LOCAL_TOKEN, OWN_PAGE, {READ, PUSH}),
    (LOCAL_TOKEN, WITH_TOKEN, ALL),
    (LOCAL_TOKEN, WRONG_TOKEN, {READ, PUSH}),
    (LOCAL_TOKEN, SIGNED_IN, ALL),
    (LOCAL_TOKEN, SIGNED_IN_ELSEWHERE, {READ}),
    (OPEN_TO_ALL, HERE, NONE),
    (OPEN_TO_ALL, WITH_TOKEN, NONE),
    (REMOTE, HERE, NONE),
    (REMOTE, OWN_PAGE, NONE),
    (REMOTE, WRONG_TOKEN, NONE),
    (REMOTE, WITH_TOKEN, ALL),
    (REMOTE, replace(OTHER_PAGE, authorization=f"bearer {TOKEN}"), ALL),
    (REMOTE, SIGNED_IN, ALL),
    (REMOTE, SIGNED_IN_ELSEWHERE, {READ}),
    (REMOTE_READ, HERE, {READ}),
    (REMOTE_READ, WITH_TOKEN, ALL),
]


@pytest.mark.parametrize(("access", "caller", "allowed"), MATRIX)
def test_rules(access: Access, caller: Caller, allowed: set[Purpose]) -> None:
    assert {purpose for purpose in Purpose if access.allows(purpose, caller)} == allowed


def test_a_refusal_says_what_to_do() -> None:
    with pytest.raises(Refused, match=r"auth\.token_file"):
        OPEN_TO_ALL.check(READ, HERE)
    with pytest.raises(Refused, match="Authorization: Bearer"):
        REMOTE.check(READ, HERE)
    with pytest.raises(Refused, match=r"evil\.example"):
        LOCAL.check(CHANGE, OTHER_PAGE)


def test_receivers_ask_about_the_header_alone() -> None:
    assert LOCAL.may_push(None)
    assert REMOTE.may_push(f"Bearer {TOKEN}")
    assert not REMOTE.may_push(None)
    assert not REMOTE.may_push("Bearer")
    assert LOCAL.may_push(None, "http://localhost:3000")
    assert not LOCAL.may_push(None, "https://evil.example")
    assert REMOTE.may_push(f"Bearer {TOKEN}", "https://shop.example")


@given(st.binary())
def test_any_bytes_in_the_header_are_no_token(sent: bytes) -> None:
    """Headers are decoded with surrogates for what is no UTF-8."""
    shown = sent.decode("utf-8", "surrogateescape")
    assert not REMOTE.may_push(f"Bearer {shown}")
    assert not valid(TOKEN, f"99999999999.{shown}", 0.0)


def test_only_localhost_is_believed_to_be_this_machine() -> None:
    """Another name may lead anywhere once the resolver is asked where to listen."""
    assert only_local("localhost:4040")
    assert only_local("127.0.0.1:4040")
    assert not only_local("perfd.localhost:4040")
    assert not only_local("0.0.0.0:4040")


def test_a_token_is_changed_for_all_doors_at_once(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "token"
    path.write_text(TOKEN)
    doors = Doors(AuthSettings(token_file=str(path)))
    one, other = doors.access("0.0.0.0:4040"), doors.access("0.0.0.0:4318")
    cookie = issue(TOKEN, 0.0)
    doors.change_token("a-new-token-altogether")
    for access in (one, other):
        assert access.may_push("Bearer a-new-token-altogether")
        assert not access.may_push(f"Bearer {TOKEN}")
        assert not valid(access.token, cookie, 1.0)


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1:4040", True),
        ("127.8.9.1:4040", True),
        ("localhost:4040", True),
        ("[::1]:4040", True),
        ("perfd.localhost", True),
        ("0.0.0.0:4040", False),
        ("[::]:4040", False),
        (":4040", False),
        ("10.0.0.3:4040", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("[::1", False),
    ],
)
def test_loopback_addresses(address: str, loopback: bool) -> None:
    assert is_loopback(host_name(address)) is loopback


@given(st.text())
def test_any_host_header_is_read_without_failing(text: str) -> None:
    assert isinstance(is_loopback(host_name(text)), bool)


def test_a_session_ends_with_its_time_and_its_token() -> None:
    cookie = issue(TOKEN, 1000.0)
    assert valid(TOKEN, cookie, 1000.0 + LIFETIME - 1)
    assert not valid(TOKEN, cookie, 1000.0 + LIFETIME + 1)
    assert not valid("another-token-altogether", cookie, 1000.0)
    assert not valid(None, cookie, 1000.0)
    expires, _, signature = cookie.partition(".")
    assert not valid(TOKEN, f"{int(expires) + 1}.{signature}", 1000.0)


@given(st.text())
def test_no_made_up_session_is_valid(text: str) -> None:
    assert not valid(TOKEN, text, 0.0)


def test_the_token_is_read_from_its_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    assert read_token(str(path)) == TOKEN
    access = access_for("0.0.0.0:4040", AuthSettings(token_file=str(path)))
    assert access.token == TOKEN
    assert not access.loopback


@pytest.mark.parametrize(
    "text", ["", "short", "two lines\nof a long token", "schlüssel-mit-umlaut"]
)
def test_a_token_that_cannot_be_used_is_refused(tmp_path, text: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "token"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"auth\.token_file"):
        read_token(str(path))


def test_a_missing_token_file_is_named() -> None:
    with pytest.raises(ConfigError, match="/nowhere/token"):
        read_token("/nowhere/token")


def test_tls_settings_that_cannot_work_are_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert server_context(TlsSettings()) is None
    with pytest.raises(ConfigError, match=r"auth\.tls"):
        server_context(TlsSettings(cert_file=str(tmp_path / "none.pem")))
    with pytest.raises(ValueError, match="cert_file"):
        TlsSettings(key_file="key.pem")
