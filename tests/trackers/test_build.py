"""Trackers from settings."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from perfd.clock import ManualClock
from perfd.model.ticket import Ticket
from perfd.tickets.events import Seen
from perfd.tickets.follow import step
from perfd.tickets.route import trackers_for
from perfd.tickets.settings import ConsoleTracker, MarkdownTracker, Route, TicketSettings
from perfd.trackers.build import build_trackers
from perfd.trackers.console import Console
from perfd.trackers.markdown import MarkdownFolder
from perfd.trackers.webhook import Webhook
from tests.tickets.samples import FOUND, POLICY, found

DOCUMENT = {
    "trackers": [
        {"type": "console", "stream": "stdout"},
        {"type": "markdown", "name": "repo", "folder": "tickets"},
        {"type": "webhook", "url": "https://hooks.example/perfd", "secret_file": "secret"},
    ],
    "routes": [{"service": "pri*", "trackers": ["repo"]}],
}


def ticket() -> Ticket:
    return step(None, Seen(found()), POLICY, FOUND)[0]


def test_a_tracker_for_each_setting() -> None:
    settings = msgspec.convert(DOCUMENT, TicketSettings)
    built = build_trackers(settings, ManualClock())
    assert [type(t) for t in built] == [Console, MarkdownFolder, Webhook]
    assert [t.name for t in built] == ["console", "repo", "webhook"]


def test_the_console_is_the_default() -> None:
    assert [t.name for t in build_trackers(TicketSettings(), ManualClock())] == ["console"]


def test_the_first_route_that_matches_decides() -> None:
    settings = msgspec.convert(DOCUMENT, TicketSettings)
    assert trackers_for(ticket(), settings) == ("repo",)
    elsewhere = Route(environment="staging", trackers=("repo",))
    everywhere = TicketSettings(
        trackers=(ConsoleTracker(), MarkdownTracker(name="repo", folder="x")), routes=(elsewhere,)
    )
    assert trackers_for(ticket(), everywhere) == ("console", "repo")


@pytest.mark.parametrize(
    "wrong",
    [
        {"trackers": [{"type": "pigeon"}]},
        {"trackers": [{"type": "console"}, {"type": "console"}]},
        {"trackers": [{"type": "webhook", "url": "file:///etc/passwd"}]},
        {"trackers": [{"type": "console", "stream": "stdin"}]},
        {"routes": [{"trackers": ["nobody"]}]},
        {"hold_for": -1},
        {"quota": 0},
        {"verify_deadline": 60},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises((msgspec.ValidationError, ValueError)):
        msgspec.convert(wrong, TicketSettings)


async def test_a_secret_is_read_when_it_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("one\n")
    document = {"trackers": [{"type": "webhook", "url": "http://x", "secret_file": str(file)}]}
    (hook,) = build_trackers(msgspec.convert(document, TicketSettings), ManualClock())
    assert isinstance(hook, Webhook)
    assert hook._secret() == b"one"
    file.write_text("two\n")
    assert hook._secret() == b"two"
