"""What every tracker promises; its tests subclass this and say how to look at its mirror."""

from __future__ import annotations

from abc import ABC, abstractmethod

import pytest

from perfd.interfaces import Tracker
from tests.trackers.messages import Story


class Mirror(ABC):
    """What the other side holds."""

    @abstractmethod
    async def tickets(self) -> list[str]:
        """The ids it has a mirror of, one for each mirror."""

    @abstractmethod
    async def shown(self, ticket_id: str) -> str:
        """What a reader of that mirror sees last."""

    @abstractmethod
    async def effects(self) -> int:
        """How often the other side changed."""


class TrackerContract:
    """Redelivery creates nothing twice, updates come in place, and order holds."""

    @pytest.fixture
    def story(self) -> Story:
        return Story()

    async def test_a_message_makes_one_mirror(
        self, tracker: Tracker, mirror: Mirror, story: Story
    ) -> None:
        await tracker.deliver(story.opened)
        assert await mirror.tickets() == [story.opened.ticket.id]

    async def test_redelivery_changes_nothing(
        self, tracker: Tracker, mirror: Mirror, story: Story
    ) -> None:
        first = await tracker.deliver(story.opened)
        effects = await mirror.effects()
        assert await tracker.deliver(story.opened) == first
        assert await mirror.effects() == effects
        assert await mirror.tickets() == [story.opened.ticket.id]

    async def test_redelivery_after_a_restart_makes_no_second_mirror(
        self, tracker: Tracker, restarted: Tracker, mirror: Mirror, story: Story
    ) -> None:
        first = await tracker.deliver(story.opened)
        assert await restarted.deliver(story.opened) == first
        assert await mirror.tickets() == [story.opened.ticket.id]

    async def test_updates_come_in_place(
        self, tracker: Tracker, mirror: Mirror, story: Story
    ) -> None:
        for message in story:
            await tracker.deliver(message)
        name = story.opened.ticket.id
        assert await mirror.tickets() == [name]
        assert "verified" in await mirror.shown(name)

    async def test_an_old_message_does_not_turn_the_mirror_back(
        self, tracker: Tracker, mirror: Mirror, story: Story
    ) -> None:
        for message in story:
            await tracker.deliver(message)
        before = await mirror.shown(story.opened.ticket.id)
        await tracker.deliver(story.opened)
        assert await mirror.shown(story.opened.ticket.id) == before

    async def test_two_tickets_are_two_mirrors(
        self, tracker: Tracker, mirror: Mirror, story: Story
    ) -> None:
        other = Story(service="checkout")
        for message in (story.opened, other.opened):
            await tracker.deliver(message)
        names = {story.opened.ticket.id, other.opened.ticket.id}
        assert len(names) == 2
        assert set(await mirror.tickets()) == names

    async def test_every_message_has_its_url(self, tracker: Tracker, story: Story) -> None:
        urls = {await tracker.deliver(message) for message in story}
        assert len(urls) == 1
        assert all("://" in url for url in urls)
