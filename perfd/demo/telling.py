"""From the flags to the exit code: ports, a folder for the logs, the story, and a clean end."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
from pathlib import Path

from perfd.demo.endpoints import Endpoints, choose_endpoints
from perfd.demo.options import DemoOptions
from perfd.demo.report import Reporter, Terminal
from perfd.demo.story import Story

OK, NOT_OK, STOPPED = 0, 1, 130


def tell(options: DemoOptions) -> int:
    """Tell the story in a folder of its own, which stays only if its logs may be needed."""
    workdir = Path(tempfile.mkdtemp(prefix="perfd-demo-"))
    with Terminal(as_json=options.json) as terminal:
        code = asyncio.run(_tell(options, workdir, terminal))
        if code == NOT_OK:
            terminal.say(f"Configuration, data and logs are kept in {workdir}")
        else:
            shutil.rmtree(workdir)
    return code


async def _tell(options: DemoOptions, workdir: Path, reporter: Reporter) -> int:
    _stop_on_signals()
    endpoints = choose_endpoints()
    announce(endpoints, reporter)
    try:
        async with Story(options, endpoints, workdir, reporter) as story:
            outcome = await story.tell()
            reporter.result(outcome)
            if not options.exit:
                await story.stay()
    except asyncio.CancelledError:
        return STOPPED
    return OK if outcome["ok"] else NOT_OK


def announce(endpoints: Endpoints, reporter: Reporter) -> None:
    """The address to look at, and every port that is not the usual one."""
    reporter.say(f"perfd: {endpoints.url}")
    usual = Endpoints()
    if endpoints != usual:
        reporter.say(
            f"Usual ports are taken, so pages are on {endpoints.http}, "
            f"OTLP/HTTP on {endpoints.otlp_http}, OTLP/gRPC on {endpoints.otlp_grpc}."
        )


def _stop_on_signals() -> None:
    """Unwind on Ctrl-C and on SIGTERM alike, so that every child process is stopped."""
    telling = asyncio.current_task()
    assert telling is not None

    def stop() -> None:
        # Once is enough: a second one must not break off the stopping of the children.
        if not telling.cancelling():
            telling.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
