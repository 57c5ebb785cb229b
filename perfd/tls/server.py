"""A server's certificates, read again when their files change: whoever renews them tells nobody."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from perfd.tls.settings import TlsSettings

log = logging.getLogger(__name__)

T = TypeVar("T")

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Pem(NamedTuple):
    """The files themselves; `authority` is None where no client shows a certificate."""

    key: bytes
    certificate: bytes
    authority: bytes | None


class Newest(Generic[T]):
    """What `read` makes of the files of `tls` as they are now.

    The first reading raises OSError. Later, files that do not fit each other (one is replaced, the
    other not yet) leave what was.
    """

    def __init__(self, tls: TlsSettings, read: Callable[[TlsSettings], T]) -> None:
        self._tls, self._read = tls, read
        self._seen = self._stamps()
        self._held = read(tls)

    def get(self) -> T:
        """Read again if a file is another than last time."""
        stamps = self._stamps()
        if stamps != self._seen:
            self._seen = stamps
            try:
                self._held = self._read(self._tls)
                log.info("the certificate in %s is a new one", self._tls.cert_file)
            except OSError as problem:
                log.warning("the old certificate stays: %s", problem)
        return self._held

    def _stamps(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(_stamp(Path(name)) for name in _files(self._tls))


def server_context(tls: TlsSettings) -> ssl.SSLContext | None:
    """For a port over sockets; None without a certificate. Raises OSError for unusable files."""
    if not tls.cert_file:
        return None
    newest = Newest(tls, read_context)
    context = newest.get()

    def take(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = newest.get()

    # OpenSSL asks in every handshake, also where the client names no server.
    context.sni_callback = take
    return context


def read_context(tls: TlsSettings) -> ssl.SSLContext:
    """A context of the files as they are."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.load_cert_chain(tls.cert_file, tls.key_file or None)
    if tls.client_ca_file:
        context.load_verify_locations(tls.client_ca_file)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def read_pem(tls: TlsSettings) -> Pem:
    """The files as they are, if a context could be made of them."""
    read_context(tls)
    key, certificate = (Path(name).read_bytes() for name in (_key(tls), tls.cert_file))
    authority = Path(tls.client_ca_file).read_bytes() if tls.client_ca_file else None
    return Pem(key, certificate, authority)


def _key(tls: TlsSettings) -> str:
    return tls.key_file or tls.cert_file


def _files(tls: TlsSettings) -> tuple[str, ...]:
    named = (tls.cert_file, tls.key_file, tls.client_ca_file)
    return tuple(name for name in named if name)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Another one after the file was written, or another was put in its place."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
