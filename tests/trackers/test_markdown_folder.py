"""The Markdown folder: one file a ticket, replaced whole."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from perfd.errors import DeliveryError
from perfd.trackers.markdown import MarkdownFolder
from tests.contracts.tracker_contract import Mirror, TrackerContract
from tests.trackers.messages import Story


class Files(Mirror):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def tickets(self) -> list[str]:
        return [path.stem for path in sorted(self._folder.iterdir())]

    async def shown(self, ticket_id: str) -> str:
        return (self._folder / f"{ticket_id}.md").read_text(encoding="utf-8")

    async def effects(self) -> int:
        """Each replacement is a new inode with its own time."""
        stats = [path.stat() for path in self._folder.iterdir()]
        return hash(tuple((s.st_ino, s.st_mtime_ns) for s in stats))


class TestMarkdownFolder(TrackerContract):
    @pytest.fixture
    def tracker(self, tmp_path: Path) -> MarkdownFolder:
        return MarkdownFolder("markdown", tmp_path / "tickets")

    @pytest.fixture
    def restarted(self, tmp_path: Path) -> MarkdownFolder:
        return MarkdownFolder("markdown", tmp_path / "tickets")

    @pytest.fixture
    def mirror(self, tmp_path: Path) -> Files:
        return Files(tmp_path / "tickets")

    async def test_the_history_is_told(
        self, tracker: MarkdownFolder, mirror: Files, story: Story
    ) -> None:
        for message in story:
            await tracker.deliver(message)
        _, told = (await mirror.shown(story.opened.ticket.id)).split("## History")
        assert told.index("**opened**") < told.index("**deployed**") < told.index("**verified**")

    async def test_no_name_leaves_the_folder(self, tracker: MarkdownFolder, story: Story) -> None:
        stray = dataclasses.replace(story.opened.ticket, id="../../etc/passwd")
        with pytest.raises(DeliveryError) as refused:
            await tracker.deliver(dataclasses.replace(story.opened, ticket=stray))
        assert not refused.value.retryable

    async def test_a_folder_that_cannot_be_written_is_tried_again(
        self, tmp_path: Path, story: Story
    ) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(DeliveryError) as refused:
            await MarkdownFolder("markdown", tmp_path / "file").deliver(story.opened)
        assert refused.value.retryable

    async def test_a_leftover_of_a_crash_is_overwritten(
        self, tracker: MarkdownFolder, mirror: Files, tmp_path: Path, story: Story
    ) -> None:
        (tmp_path / "tickets").mkdir()
        (tmp_path / "tickets" / f"{story.opened.ticket.id}.tmp").write_text("half a tick")
        await tracker.deliver(story.opened)
        assert await mirror.tickets() == [story.opened.ticket.id]
