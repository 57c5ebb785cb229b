"""Names of functions as they stay the same from one process and one release to the next.

An address, the number of a lambda or the place of an installation in a name makes every release a
program of new functions; a comparison between versions then finds that all have vanished.
"""

from __future__ import annotations

import re
from functools import lru_cache

from perfd.model.profile import Function

NAMELESS = "[unknown]"
CUT_STACK = Function("[truncated]", "")

# What some rule below may change; most names hold nothing of it, and eight patterns cost 5 µs.
_VARIES = re.compile(r"<locals>|0x|ambda|:\d|:L#|-packages/")
_NAME_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"<locals>\."), ""),  # CPython: parse.<locals>.<genexpr>
    (re.compile(r"(?: at |[+@ /])?0x[0-9a-fA-F]+"), ""),
    (re.compile(r"(\$\$Lambda)[$.]\d+(?:/\d+)?"), r"\1"),  # JVM, the class of a lambda
    (re.compile(r"(lambda\$\w+)\$\d+"), r"\1"),  # JVM, its method
    (re.compile(r"(\{lambda\([^{}]*\))#\d+"), r"\1"),  # C++
    (re.compile(r":L#\d+:C#\d+"), ""),  # Node: (anonymous:L#6:C#79)
    (re.compile(r":\d+$"), ""),  # Node: ./a.js:step:6
    (re.compile(r"[^\s()]*/(?:site|dist)-packages/"), ""),
)
_FILE_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^.*/(?:site|dist)-packages/"), "site-packages/"),
    (re.compile(r"^.*/lib/python3(?:\.\d+)?/"), "lib/python3/"),
    (re.compile(r"/releases/[^/]+/"), "/releases/*/"),  # one folder a release, as Capistrano does
)


@lru_cache(maxsize=16_384)
def function(name: str, file: str, line: int = 0) -> Function:
    """The function that a profiler calls `name` in `file`, with what varies taken out."""
    for pattern, put in _NAME_RULES:
        name = pattern.sub(put, name)
    for pattern, put in _FILE_RULES:
        file = pattern.sub(put, file, count=1)
    return Function(name.strip() or NAMELESS, file, line)


def printable(raw: bytes, longest: int) -> tuple[str, bool]:
    """A sender's bytes as text of at most about `longest` characters, and whether they were cut."""
    text = raw[: 4 * longest].decode("utf-8", "replace")
    if not text.isprintable():
        text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    if len(text) <= longest and len(raw) <= 4 * longest:
        return text, False
    kept = text[:longest]
    return f"{kept}…[+{len(raw) - len(kept.encode())} bytes]", True
