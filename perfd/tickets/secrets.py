"""A second net for secrets in names that senders chose: what looks like one is blotted out.

The first net is that tickets only carry named fields (operation, function, span name) and never raw
attributes. Every pattern is linear: bounded repeats, no nesting.
"""

from __future__ import annotations

import re

BLOT = "[redacted]"

_TOKENS = re.compile(
    r"""
      \b(?:AKIA|ASIA)[A-Z0-9]{16}\b                               # AWS access key id
    | \b(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{30,255}\b             # GitHub
    | \bgithub_pat_[A-Za-z0-9_]{30,255}\b
    | \bglpat-[A-Za-z0-9_-]{20,64}\b                              # GitLab
    | \bxox[abeoprs]-[A-Za-z0-9-]{10,255}\b                       # Slack
    | \b(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,255}\b          # Stripe
    | \bAIza[A-Za-z0-9_-]{30,64}\b                                # Google
    | \beyJ[A-Za-z0-9_-]{8,2048}\.[A-Za-z0-9_-]{8,2048}(?:\.[A-Za-z0-9_-]{0,2048})?  # JWT
    | -----BEGIN\ [A-Z ]{0,40}PRIVATE\ KEY-----
    """,
    re.VERBOSE,
)
_BEARER = re.compile(r"\b(Bearer|Basic)\s{1,4}[A-Za-z0-9._~+/=-]{8,2048}", re.IGNORECASE)
_NAMED = re.compile(
    r"\b(password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|authorization)"
    r"(\s{0,2}[=:]\s{0,2})[^\s&;,'\"]{1,512}",
    re.IGNORECASE,
)
_USER_IN_URL = re.compile(r"(://)[^\s/@:]{1,256}(?::[^\s/@]{0,256})?@")
_QUERY_OF_URL = re.compile(r"((?:://|/)[^\s?#]{0,1024})\?[^\s#]{1,2048}")


def scrub(text: str) -> str:
    """The text without what looks like a credential, and without query strings of URLs."""
    text = _QUERY_OF_URL.sub(r"\1?…", text)
    text = _USER_IN_URL.sub(rf"\1{BLOT}@", text)
    text = _BEARER.sub(rf"\1 {BLOT}", text)
    text = _TOKENS.sub(BLOT, text)
    return _NAMED.sub(rf"\1\2{BLOT}", text)
