"""Who may push, read and change (DESIGN section 9). Decides from data, touches no network.

On loopback a push or a read needs nothing; a change needs the token or, when none is configured,
must not come from another site: its Origin is absent or our own, and its Host is a loopback name,
because a page of another site may point its own name at 127.0.0.1 (DNS rebinding).
Off loopback everything needs the token; `anonymous_read` opens reads.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from perfd.errors import Refused

UNGUARDED = (
    "perfd listens on an address that others can reach, and has no token. Set auth.token_file "
    "(or auth.anonymous_read: true to open reads), or listen on 127.0.0.1."
)
UNPROVEN = "This needs the token of auth.token_file: send `Authorization: Bearer TOKEN`."
OTHER_SITE = (
    "This change was asked for by a page of another site ({origin}). Open perfd at its own address "
    "and do it there, or set auth.token_file and send the token."
)
OTHER_HOST = (
    "This change was sent to the name {host}, which is not this machine's own. Use 127.0.0.1 or "
    "localhost, or set auth.token_file and send the token."
)


class Purpose(StrEnum):
    """What a request is for."""

    READ = "read"
    CHANGE = "change"
    PUSH = "push"


@dataclass(frozen=True, slots=True)
class Caller:
    """What a request says about where it comes from: header values, "" where absent."""

    host: str = ""
    origin: str = ""
    site: str = ""  # Sec-Fetch-Site
    authorization: str = ""
    signed_in: bool = False  # holds a session that the token was shown for
    scheme: str = "http"


def is_loopback(host: str) -> bool:
    """Whether a host name or address (no port) can only mean this machine."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def host_name(authority: str) -> str:
    """The host of a Host header or of host:port; "" when it is not one."""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def same_origin(caller: Caller) -> bool:
    """Whether the browser says that the request comes from a page of this very address.

    Absent counts as same: only browsers send Origin, and they send it with every change.
    """
    if caller.site not in {"", "same-origin", "none"}:
        return False
    return caller.origin in {"", f"{caller.scheme}://{caller.host}"}


class Access:
    """The rules for one listening address and token."""

    def __init__(
        self, *, loopback: bool, token: str | None = None, anonymous_read: bool = False
    ) -> None:
        self.loopback = loopback
        self.token = token or None
        self.anonymous_read = anonymous_read

    def check(self, purpose: Purpose, caller: Caller) -> None:
        """Return when the caller may; raise Refused with what to do otherwise."""
        if self.shows_token(caller):
            return
        if caller.signed_in:
            self._check_signed_in(purpose, caller)
        elif self.loopback:
            self._check_local(purpose, caller)
        elif not (purpose is Purpose.READ and self.anonymous_read):
            raise Refused(UNPROVEN if self.token else UNGUARDED)

    def allows(self, purpose: Purpose, caller: Caller) -> bool:
        """Whether the caller may."""
        try:
            self.check(purpose, caller)
        except Refused:
            return False
        return True

    def may_push(self, authorization: str | None) -> bool:
        """The Guard of interfaces.py, for receivers that have no Caller."""
        return self.allows(Purpose.PUSH, Caller(authorization=authorization or ""))

    def shows_token(self, caller: Caller) -> bool:
        """Whether the caller sent the right bearer token; compared in constant time."""
        scheme, _, shown = caller.authorization.partition(" ")
        return scheme.lower() == "bearer" and self.is_token(shown.strip())

    def is_token(self, shown: str) -> bool:
        """Whether this text is the configured token."""
        if self.token is None:
            return False
        return hmac.compare_digest(shown.encode(), self.token.encode())

    def _check_local(self, purpose: Purpose, caller: Caller) -> None:
        if purpose is not Purpose.CHANGE:
            return
        if self.token:
            raise Refused(UNPROVEN)
        if not is_loopback(host_name(caller.host)):
            raise Refused(OTHER_HOST.format(host=caller.host or "(none)"))
        _check_site(caller)

    @staticmethod
    def _check_signed_in(purpose: Purpose, caller: Caller) -> None:
        # Reading stays open to links from elsewhere: a ticket's URL is followed from a tracker.
        if purpose is not Purpose.READ:
            _check_site(caller)


def _check_site(caller: Caller) -> None:
    if not same_origin(caller):
        raise Refused(OTHER_SITE.format(origin=caller.origin or caller.site))
