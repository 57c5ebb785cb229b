"""The console: a line per message."""

from __future__ import annotations

import io

import pytest

from perfd.trackers.console import Console
from tests.contracts.tracker_contract import Mirror, TrackerContract
from tests.trackers.messages import Story


class Lines(Mirror):
    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    def _lines(self) -> list[str]:
        return self._stream.getvalue().splitlines()

    async def tickets(self) -> list[str]:
        return list(dict.fromkeys(line.split()[0] for line in self._lines()))

    async def shown(self, ticket_id: str) -> str:
        return [line for line in self._lines() if line.startswith(ticket_id)][-1]

    async def effects(self) -> int:
        return len(self._lines())


class TestConsole(TrackerContract):
    @pytest.fixture
    def stream(self) -> io.StringIO:
        return io.StringIO()

    @pytest.fixture
    def tracker(self, stream: io.StringIO) -> Console:
        return Console("console", stream)

    @pytest.fixture
    def restarted(self, stream: io.StringIO) -> Console:
        return Console("console", stream)

    @pytest.fixture
    def mirror(self, stream: io.StringIO) -> Lines:
        return Lines(stream)

    async def test_a_line_says_what_happened(
        self, tracker: Console, stream: io.StringIO, story: Story
    ) -> None:
        await tracker.deliver(story.opened)
        name = story.opened.ticket.id
        assert stream.getvalue() == (
            f"{name} opened (open) pricing POST /quote: p95 41 ms → 72 ms (+75 %) since 1.1.0 "
            f"http://perfd:4040/tickets/{name}\n"
        )
