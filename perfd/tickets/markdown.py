"""Text that senders chose, put into Markdown so that it stays text.

A name stands in a code span or a fence that is longer than its longest run of backticks: there
Markdown knows no link, no mention, no HTML and no image. In a title and in a sentence of perfd that
may quote a name, what could begin one of these is escaped or broken by an invisible space.
"""

from __future__ import annotations

import re
import unicodedata

from perfd.tickets.secrets import scrub

LONGEST = 200  # characters of one name
BREAK = "\u200b"  # zero-width space: invisible, and ends a mention or an address
_RUNS = re.compile(r"`+")
_SPACES = re.compile(r"\s+")
# What begins a mention, a reference, an address or the target of a link.
_BEGINS = re.compile(r"(@|#|:(?=//)|\bwww(?=\.)|\bmailto:|\](?=[(\[:]))", re.IGNORECASE)

_PUNCTUATION = re.compile(r"([\\`*_{}\[\]|~&$])")


def clean(text: str, longest: int = LONGEST) -> str:
    """One line without control, format (bidi) and surrogate characters, secrets, or excess."""
    visible = (" " if ch in "\r\n\t\v\f" else ch for ch in text[: longest * 4])
    kept = "".join(ch for ch in visible if unicodedata.category(ch)[0] != "C")
    line = scrub(_SPACES.sub(" ", kept).strip())
    cut = len(text) - longest * 4
    if len(line) <= longest and cut <= 0:
        return line
    return f"{line[:longest]}…"


def code(text: str) -> str:
    """A code span, fit for a table's cell too: a pipe, which ends a cell, becomes a box line."""
    line = clean(text).replace("|", "│") or "(none)"
    fence = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def fenced(text: str, language: str = "") -> str:
    """A block of code. The text keeps its lines."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def plain(text: str, longest: int = LONGEST) -> str:
    """For a title: a person reads the same, a renderer finds nothing to render."""
    line = clean(text, longest).replace("<", "‹").replace(">", "›")
    return _BEGINS.sub(rf"\1{BREAK}", line)


def words(text: str, longest: int = 1_000) -> str:
    """A sentence of perfd's own that may quote what others chose: text and nothing but text."""
    return _PUNCTUATION.sub(r"\\\1", plain(text, longest))


def _longest_run(text: str) -> int:
    return max((len(run) for run in _RUNS.findall(text)), default=0)
