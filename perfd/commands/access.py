"""What `check` and `doctor` say of who can reach perfd, and of the files with its secrets."""

from __future__ import annotations

import ssl
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from perfd.errors import ConfigError

if TYPE_CHECKING:
    from perfd.config import Config


def addresses(config: Config) -> tuple[str, ...]:
    """Where perfd is told to listen."""
    listen = config.listen
    return tuple(a for a in (listen.http, listen.otlp_http, listen.otlp_grpc) if a)


def closed_doors(config: Config) -> Iterator[str]:
    """Addresses that others can reach, and that refuse everybody for want of a token."""
    from perfd.web.credentials import unguarded

    doors = ", ".join(unguarded(addresses(config), config.auth))
    if doors:
        rest = "all but reads" if config.auth.anonymous_read else "everything"
        yield f"{doors} is reachable from outside and auth.token_file is not set: {rest} is refused"


def plain_doors(config: Config) -> Iterator[str]:
    """Addresses where the token would cross the network for everybody to read."""
    from perfd.web.credentials import only_local

    listen, otlp = config.listen, config.otlp
    doors = (
        (listen.http, config.auth.tls.cert_file, "auth.tls"),
        (listen.otlp_http, otlp.http.tls.cert_file, "otlp.http.tls"),
        (listen.otlp_grpc, otlp.grpc.tls.cert_file, "otlp.grpc.tls"),
    )
    for address, certificate, section in doors:
        if address and not only_local(address) and config.auth.token_file and not certificate:
            yield f"{address} takes the token without TLS: set {section}, or let a proxy do it"
    forward = config.forward
    scheme, _, centre = forward.url.partition("://")
    if scheme == "http" and forward.token_file and not only_local(centre.rstrip("/")):
        yield "forward.url is plain HTTP: the token can be read on its way"


def unusable_files(config: Config) -> Iterator[str]:
    """The token and certificates that this user cannot use."""
    from perfd.jobs.carrier import client_context
    from perfd.tls.server import server_context as tls_context
    from perfd.web.credentials import read_token, server_context

    looks: tuple[Callable[[], object], ...] = (
        lambda: read_token(config.auth.token_file),
        lambda: server_context(config.auth.tls),
        lambda: read_token(config.forward.token_file, "forward.token_file"),
        lambda: client_context(config.forward),
    )
    for look in looks:
        try:
            look()
        except ConfigError as error:
            yield from error.problems
    for section, tls in (("http", config.otlp.http.tls), ("grpc", config.otlp.grpc.tls)):
        try:
            tls_context(tls)
        except (OSError, ssl.SSLError) as error:
            yield f"otlp.{section}.tls: {error}"


def exposed_files(config: Config) -> Iterator[str]:
    """Files with secrets that every user of this machine can read."""
    for name in _secrets(config):
        if name and (mode := _mode(Path(name))) & (stat.S_IROTH | stat.S_IWOTH):
            yield f"{name} (mode {mode:04o}) is open to every user of this machine: chmod o= {name}"


def _secrets(config: Config) -> Iterable[str]:
    otlp = config.otlp
    return dict.fromkeys(
        (
            config.auth.token_file,
            config.auth.tls.key_file,
            otlp.http.tls.key_file,
            otlp.grpc.tls.key_file,
            config.forward.token_file,
            config.forward.tls.key_file,
        )
    )


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0
