"""Settings of agents and of their centre, by the Collector's exporter names where it has them."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from perfd.model.units import Duration, Size

Positive = msgspec.Meta(gt=0)
MIB = 1024 * 1024


class ForwardTls(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the centre is known (`ca_file`; the system's authorities without one), and how we are."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""

    def __post_init__(self) -> None:
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("cert_file and key_file are needed together")


class RetryOnFailure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Real seconds between two tries, doubled each time and half of it by chance. No last try."""

    initial_interval: Annotated[Duration, Positive] = 1.0
    max_interval: Annotated[Duration, Positive] = 30.0


class ForwardSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """With a `url` perfd is an agent of the perfd there: it collects, forwards and judges nothing.

    `interval` is divided by pace. `max_bytes` bounds what waits on the disk while the centre cannot
    be reached; beyond it the oldest hours are dropped and counted. `name` is the host's name when
    it is empty.
    """

    url: str = ""
    token_file: str = ""
    tls: ForwardTls = ForwardTls()
    name: Annotated[str, msgspec.Meta(max_length=256)] = ""
    interval: Annotated[Duration, Positive] = 15.0
    timeout: Annotated[Duration, Positive] = 10.0
    retry_on_failure: RetryOnFailure = RetryOnFailure()
    max_bytes: Annotated[Size, msgspec.Meta(ge=16 * MIB)] = 256 * MIB

    def __post_init__(self) -> None:
        if self.url and not _is_address(self.url):
            raise ValueError(f"url: {self.url!r} is not http(s)://host:port, with nothing behind")


class AgentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a centre thinks of its agents.

    One that was not heard of for `silent_after` (real seconds) is shown as silent, and nobody waits
    for it. Detection waits for the windows of the others up to `wait`, divided by pace. A body may
    have `max_size` bytes, and `max_inflated_size` once it is decompressed; `max_requests` are taken
    at the same time.
    """

    silent_after: Annotated[Duration, Positive] = 60.0
    wait: Annotated[Duration, Positive] = 120.0
    max_size: Annotated[Size, Positive] = 4 * MIB
    max_inflated_size: Annotated[Size, Positive] = 32 * MIB
    max_requests: Annotated[int, Positive] = 16


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname)
        return known and parts.path in {"", "/"} and not (parts.query or parts.fragment)
    except ValueError:
        return False
