"""A child process of the demo: started in a session of its own, heard, stopped by its id."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

READY_SECONDS = 20.0
STOP_SECONDS = 20.0


class ProcessFailed(Exception):
    """A child did not do what it was started for; the text names the log that tells why."""


class Process:
    """`python -m module …`, whose stdout is one JSON object per line and whose stderr is a log."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.latest: dict[str, Any] = {}
        self._process = process
        self._log = log
        self._spoke = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(
        cls,
        name: str,
        *arguments: str,
        logs: Path,
        env: Mapping[str, str] | None = None,
        speaks: bool = True,
    ) -> Process:
        """Run a module with this interpreter; what does not speak JSON has its stdout logged too.

        A session of its own keeps a Ctrl-C for the story, which then stops things in order.
        """
        log = logs / f"{name}.log"
        with log.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *arguments,
                env={**os.environ, **(env or {})},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if speaks else file,
                stderr=file,
                start_new_session=True,
            )
        return cls(name, process, log)

    async def first_line(self) -> dict[str, Any]:
        """What it says once it is ready."""
        try:
            await asyncio.wait_for(self._spoke.wait(), READY_SECONDS)
        except TimeoutError:
            raise self.failure(f"is not ready after {READY_SECONDS:g} s") from None
        self.check()
        return self.latest

    def check(self) -> None:
        """Complain if it has ended by itself."""
        if self._listening.done():
            raise self.failure("has ended by itself")

    def failure(self, what: str) -> ProcessFailed:
        """The error that says so."""
        return ProcessFailed(f"{self.name} {what}, see {self._log}")

    async def stop(self) -> None:
        """Ask it to end, and insist after a while. Safe to call twice."""
        if self._process.returncode is None:
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
        await self._listening

    async def drain(self) -> None:
        """Stop it, and complain unless it ended in good order."""
        await self.stop()
        if self._process.returncode:
            raise self.failure(f"ended with {self._process.returncode}")

    async def _listen(self) -> None:
        if self._process.stdout is not None:
            async for line in self._process.stdout:
                self.latest = dict(json.loads(line))
                self._spoke.set()
        await self._process.wait()
        self._spoke.set()
