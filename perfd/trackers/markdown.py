"""One Markdown file per ticket in a folder, fit to be read in a pull request.

The file is written whole and put in place atomically, so a reader sees the old ticket or the new
one. Its name is the ticket's id and nothing that a sender could choose. The last line names the
message it was made from: an older one that arrives again does not turn it back.
"""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from perfd.errors import DeliveryError
from perfd.interfaces import Message
from perfd.model.ticket import Ticket
from perfd.tickets.markdown import words
from perfd.tickets.wording import moment

_ID = re.compile(r"PERF-[A-Z2-7]{6}")
_KEY = re.compile(r"^\*perfd message ([0-9A-Za-z-]+)\*$", re.MULTILINE)
TAIL = 400  # bytes at the end of a file in which its message is named


class MarkdownFolder:
    """Files of tickets; the folder is made when it is first needed."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name, self._folder = name, folder

    @property
    def name(self) -> str:
        """The name that references carry."""
        return self._name

    async def deliver(self, message: Message) -> str:
        """Write the ticket's file unless it is as new already; its path is the URL."""
        return await asyncio.to_thread(self._write, message)

    def _write(self, message: Message) -> str:
        if not _ID.fullmatch(message.ticket.id):
            raise DeliveryError(f"{message.ticket.id!r} is not a ticket's id", retryable=False)
        path = self._folder / f"{message.ticket.id}.md"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if _held(path) < message.key:
                replace(path, render(message).encode("utf-8", "replace"))
        except OSError as error:
            raise DeliveryError(f"{path}: {error.strerror or error}", retryable=True) from error
        return path.resolve().as_uri()


def render(message: Message) -> str:
    """The whole file."""
    parts = [
        f"# {message.ticket.id}: {words(message.title)}",
        message.body.strip(),
        "## History",
        history(message.ticket),
        f"*perfd message {message.key}*",
    ]
    return "\n\n".join(parts) + "\n"


def history(ticket: Ticket) -> str:
    """Changes, oldest first."""
    return "\n".join(
        f"- {moment(e.at)}: **{e.event}** ({e.state}) by {words(e.actor)}: {words(e.text)}"
        for e in ticket.history
    )


def replace(path: Path, content: bytes) -> None:
    """Atomic and durable: a new file is synced, renamed over the old one, and the folder synced."""
    fresh = path.with_suffix(".tmp")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _held(path: Path) -> str:
    """The key of the message in the file, empty when there is none; keys sort by time."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL))
            found = _KEY.findall(file.read().decode("utf-8", "replace"))
    except FileNotFoundError:
        return ""
    return str(found[-1]) if found else ""
