"""Raw paths in names: a path with an identifier in it names one thing, not an operation.

Where no `http.route` says which part is a parameter, a path passes only if it is a template or all
its segments read like words.
"""

from __future__ import annotations

import re

_TEMPLATE = re.compile(r"[{}<>*\[\]]|/:")
_WORD = re.compile(r"(?=[^\d]*[A-Za-z])[A-Za-z_.~-]*\d?[A-Za-z_.~-]*|v\d{1,3}")
_LONGEST = 40  # characters of a segment that still is a word


def is_raw(token: str) -> bool:
    """Whether a word of a name is a URL, or a path that is neither a template nor all words."""
    if "://" in token:
        return True
    if not token.startswith("/"):
        return False
    if "?" in token:
        return True
    if _TEMPLATE.search(token):
        return False
    return not all(map(_is_word, token.strip("/").split("/")))


def without_raw(name: str) -> str:
    """A name without its raw paths and URLs; may be empty."""
    if "/" not in name:
        return name
    return " ".join(token for token in name.split() if not is_raw(token))


def _is_word(segment: str) -> bool:
    return not segment or (len(segment) <= _LONGEST and _WORD.fullmatch(segment) is not None)
