"""perfd's own log: one line per record on standard error, whatever text is in it."""

from __future__ import annotations

import logging
import os
import sys

# Under systemd the journal adds the time itself.
_WITH_TIME = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_BARE = "%(levelname)-7s %(name)s: %(message)s"


class OneLine(logging.Formatter):
    """Escapes control characters of a message, so that telemetry cannot forge a line.

    The traceback of an exception keeps its lines, indented.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Escape the message."""
        line = super().formatMessage(record)
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)

    def formatException(self, ei: object) -> str:  # noqa: N802 - logging's name
        """Indent the traceback."""
        return "\n".join("    " + line for line in super().formatException(ei).splitlines())  # type: ignore[arg-type]


def set_up(level: str) -> None:
    """Log to standard error from `level` up."""
    under_systemd = "JOURNAL_STREAM" in os.environ
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(OneLine(_BARE if under_systemd else _WITH_TIME))
    logging.basicConfig(level=level.upper(), handlers=[output], force=True)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # schedule.py says what matters
    logging.getLogger("asyncio").setLevel(logging.WARNING)
