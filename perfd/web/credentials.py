"""The token and the certificates that the settings name, read from disk at the start."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path

from perfd.errors import ConfigError
from perfd.tls import server
from perfd.tls.settings import TlsSettings
from perfd.web.access import Access, host_name, is_loopback
from perfd.web.settings import AuthSettings

_SHORTEST = 16


class Doors:
    """The access rules of all listening addresses: one token, which a reload may change."""

    def __init__(self, auth: AuthSettings, public_url: str = "") -> None:
        self._auth = auth
        self._public_url = public_url
        self._made: list[Access] = []

    def access(self, listen: str) -> Access:
        """The rules of one address. Raises ConfigError for a token that cannot be used."""
        made = access_for(listen, self._auth, self._public_url)
        self._made.append(made)
        return made

    def change_token(self, token: str | None) -> None:
        """From the next request on; sessions that the old token opened end with it."""
        for access in self._made:
            access.token = token


def access_for(listen: str, auth: AuthSettings, public_url: str = "") -> Access:
    """The access rules of a listening address (host:port). Raises ConfigError."""
    return Access(
        loopback=only_local(listen),
        token=read_token(auth.token_file),
        anonymous_read=auth.anonymous_read,
        public_url=public_url,
    )


def only_local(listen: str) -> bool:
    """Whether a listening address can be reached from this machine alone.

    Of names only `localhost` is believed: the resolver may lead any other elsewhere.
    """
    name = host_name(listen)
    return is_loopback(name) and not name.endswith(".localhost")


def unguarded(addresses: Iterable[str], auth: AuthSettings) -> tuple[str, ...]:
    """Addresses that others can reach while no token is set, so that all of it is refused."""
    if auth.token_file:
        return ()
    return tuple(a for a in addresses if a and not only_local(a))


def read_token(path: str, key: str = "auth.token_file") -> str | None:
    """The token in a file, surrounding space removed; None when no file is named by `key`."""
    if not path:
        return None
    try:
        token = Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError([f"{key}: cannot read {path}: {problem}"]) from None
    if len(token) < _SHORTEST or not token.isascii() or not token.isprintable():
        raise ConfigError(
            [f"{key}: {path} must hold one line of {_SHORTEST} or more ASCII characters"]
        )
    return token


def server_context(tls: TlsSettings) -> ssl.SSLContext | None:
    """How the port speaks TLS; None for plain HTTP. Raises ConfigError."""
    try:
        return server.server_context(tls)
    except OSError as problem:
        raise ConfigError([f"auth.tls: {problem}"]) from None
