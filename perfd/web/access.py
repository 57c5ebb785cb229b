"""Who may push, read and change (DESIGN section 9). Decides from data, touches no network.

On loopback a push or a read needs no token; a change needs it or, when none is configured, must
not come from another site: its Origin is absent or our own, and its Host is a loopback name.
Off loopback everything needs the token; `anonymous_read` opens reads.

A page of another site may point its own name at 127.0.0.1 (DNS rebinding), and is then of the same
origin to the browser. So also on loopback a read under a public name that is not ours is refused,
and a push that a page sends (only browsers send an Origin) unless the page is of this machine.
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
OTHER_NAME = (
    "perfd listens on loopback and does not go by the name {host}. Use 127.0.0.1 or localhost, set "
    "web.public_url when a proxy serves it under that name, or send the token of auth.token_file."
)
OTHER_PAGE = (
    "Telemetry was sent by a page of another site ({origin}). Send it from a program, or with the "
    "token of auth.token_file."
)

# Names that no public DNS serves, so that no site can point them here: RFC 2606, 6761, 6762, 8375,
# and .internal, which ICANN reserved in 2024.
_PRIVATE_NAMES = (".localhost", ".local", ".internal", ".test", ".home.arpa")


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


def is_private(host: str) -> bool:
    """Whether a host name or address (no port) is one that other sites cannot point here."""
    name = host.strip("[]").lower().removesuffix(".")
    if "." not in name or name.endswith(_PRIVATE_NAMES):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def same_origin(caller: Caller, public: str = "") -> bool:
    """Whether the browser says that the request comes from a page of this very address.

    Absent counts as same: only browsers send Origin, and they send it with every change. `public`
    is the origin under which a proxy serves perfd.
    """
    if caller.site not in {"", "same-origin", "none"}:
        return False
    return caller.origin in {"", f"{caller.scheme}://{caller.host}", public}


class Access:
    """The rules for one listening address and token; `public_url` is where a proxy serves it."""

    def __init__(
        self,
        *,
        loopback: bool,
        token: str | None = None,
        anonymous_read: bool = False,
        public_url: str = "",
    ) -> None:
        self.loopback = loopback
        self.token = token or None
        self.anonymous_read = anonymous_read
        self._public = origin_of(public_url)

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

    def may_push(self, authorization: str | None, origin: str = "") -> bool:
        """The Guard of interfaces.py, for receivers that have no Caller."""
        return self.allows(Purpose.PUSH, Caller(origin=origin, authorization=authorization or ""))

    def from_own_page(self, caller: Caller) -> bool:
        """Whether the request comes from a page of this perfd, or from no page at all."""
        return same_origin(caller, self._public)

    def shows_token(self, caller: Caller) -> bool:
        """Whether the caller sent the right bearer token; compared in constant time."""
        scheme, _, shown = caller.authorization.partition(" ")
        return scheme.lower() == "bearer" and self.is_token(shown.strip())

    def is_token(self, shown: str) -> bool:
        """Whether this text is the configured token."""
        if self.token is None:
            return False
        # A header may hold bytes that are no UTF-8 (surrogates here); they are no token either.
        given = shown.encode("utf-8", "backslashreplace")
        return hmac.compare_digest(given, self.token.encode())

    def _check_local(self, purpose: Purpose, caller: Caller) -> None:
        if purpose is Purpose.READ:
            self._check_name(caller)
        elif purpose is Purpose.PUSH:
            _check_page(caller)
        elif self.token:
            raise Refused(UNPROVEN)
        elif not is_loopback(host_name(caller.host)):
            raise Refused(OTHER_HOST.format(host=caller.host or "(none)"))
        else:
            self._check_site(caller)

    def _check_name(self, caller: Caller) -> None:
        name = host_name(caller.host)
        if not is_private(name) and name != host_name(self._public.rpartition("/")[2]):
            raise Refused(OTHER_NAME.format(host=caller.host))

    def _check_signed_in(self, purpose: Purpose, caller: Caller) -> None:
        # Reading stays open to links from elsewhere: a ticket's URL is followed from a tracker.
        if purpose is not Purpose.READ:
            self._check_site(caller)

    def _check_site(self, caller: Caller) -> None:
        if not self.from_own_page(caller):
            raise Refused(OTHER_SITE.format(origin=caller.origin or caller.site))


def origin_of(url: str) -> str:
    """scheme://host[:port] of an address; "" where there is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""


def _check_page(caller: Caller) -> None:
    if caller.origin and not is_loopback(host_name(caller.origin.rpartition("/")[2])):
        raise Refused(OTHER_PAGE.format(origin=caller.origin))
