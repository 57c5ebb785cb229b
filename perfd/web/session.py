"""A browser cannot send a bearer token by itself: show it once, and a signed cookie stands for it.

The cookie is an expiry time and its HMAC under the token: nothing is kept on this side, and a new
token ends every session.
"""

from __future__ import annotations

import hashlib
import hmac

COOKIE = "perfd_session"
LIFETIME = 12 * 3600.0


def issue(token: str, now: float) -> str:
    """The cookie's value for somebody who has shown the token."""
    expires = str(int(now + LIFETIME))
    return f"{expires}.{_sign(token, expires)}"


def valid(token: str | None, value: str, now: float) -> bool:
    """Whether a cookie was issued under this token and has not expired."""
    expires, _, signature = value.partition(".")
    if token is None or not (expires.isascii() and expires.isdigit()) or len(expires) > 12:
        return False
    given = signature.encode("utf-8", "backslashreplace")
    signed = hmac.compare_digest(given, _sign(token, expires).encode())
    return signed and now < int(expires)


def _sign(token: str, expires: str) -> str:
    return hmac.new(token.encode(), f"perfd session {expires}".encode(), hashlib.sha256).hexdigest()
