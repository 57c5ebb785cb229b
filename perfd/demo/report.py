"""How the demo speaks: a line of progress for people, one JSON object for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self


class Reporter(Protocol):
    """What the story tells as it goes."""

    def say(self, text: str) -> None:
        """A line that stays."""
        ...

    def progress(self, step: str, done: float, of: float) -> None:
        """How far the present step has come, in seconds."""
        ...

    def result(self, outcome: Mapping[str, Any]) -> None:
        """How it ended; nothing is printed after it."""
        ...


class Terminal:
    """A progress line by rich, on stderr when stdout is kept for the JSON object."""

    def __init__(self, as_json: bool) -> None:
        # Nobody but a person who watches needs rich, and it is slow to import.
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        self._as_json = as_json
        self._console = Console(stderr=as_json, highlight=False)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f} of {task.total:.0f} s"),
            console=self._console,
            transient=True,
        )
        self._step = self._progress.add_task("", total=1, visible=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """A line that stays."""
        self._console.print(text, markup=False, soft_wrap=True)

    def progress(self, step: str, done: float, of: float) -> None:
        """Move the bar; a finished step takes it away."""
        self._progress.update(
            self._step, description=step, completed=done, total=of, visible=done < of
        )

    def result(self, outcome: Mapping[str, Any]) -> None:
        """The JSON object, or its gist."""
        if self._as_json:
            print(json.dumps(outcome), file=sys.stdout, flush=True)
            return
        for line in gist(outcome):
            self.say(line)


def gist(outcome: Mapping[str, Any]) -> list[str]:
    """What a person wants to know at the end."""
    problems: Sequence[str] = outcome["problems"]
    if problems:
        return ["This is not what the demo should show:", *(f"  - {each}" for each in problems)]
    ticket = outcome["ticket"]
    return [f"{ticket['id']} is {ticket['state']}." if ticket else "No ticket, as it should be."]
