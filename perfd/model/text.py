"""Text from outside, cut to a length that perfd can afford to keep."""

from __future__ import annotations

MOST = 256  # characters of a label's value; semantic conventions name nothing longer
MARK = "…"


def shorten(text: str, most: int = MOST) -> str:
    """At most `most` characters; what was cut ends in an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + MARK
