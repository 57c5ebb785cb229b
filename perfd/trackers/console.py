"""The default tracker: one line per change of a ticket."""

from __future__ import annotations

from collections import OrderedDict
from typing import TextIO

from perfd.interfaces import Message

REMEMBERED = 10_000  # keys; more messages than that are never delivered twice in one life


class Console:
    """Writes to a stream; a message that was written already is not written again."""

    def __init__(self, name: str, stream: TextIO) -> None:
        self._name, self._stream = name, stream
        self._seen: OrderedDict[str, None] = OrderedDict()

    @property
    def name(self) -> str:
        """The name that references carry."""
        return self._name

    async def deliver(self, message: Message) -> str:
        """One line: when, which ticket, what happened, what it is about, where to read on."""
        url = str(message.document.get("url", ""))
        if message.key in self._seen:
            return url
        state = message.ticket.state
        line = f"{message.ticket.id} {message.event} ({state}) {message.title} {url}".rstrip()
        self._stream.write(line + "\n")
        self._stream.flush()
        self._seen[message.key] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return url
