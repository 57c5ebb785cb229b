"""What surrounds a deployed service: its own time and its calls, its callees and its callers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from perfd.model.series import LINKS, Series
from perfd.model.window import Window


@dataclass(frozen=True, slots=True)
class Caller:
    """One operation of another service that calls the deployed one, by all its versions.

    `calls` are those to the deployed service alone; `requests` are all requests of the operation.
    """

    service: str
    operation: str
    own: tuple[Window, ...]
    calls: tuple[Window, ...]
    requests: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Around one deploy, as fine as stored.

    `own`, `calls` and `retries` are OWN_TIME, CALLS and RETRIES of the deployed service. `services`
    says which service is behind a peer, as far as that is known; `callees` are the steady REQUESTS
    of these services.
    """

    own: tuple[Window, ...] = ()
    calls: tuple[Window, ...] = ()
    retries: tuple[Window, ...] = ()
    services: Mapping[str, str] = field(default_factory=dict)
    callees: Mapping[str, tuple[Window, ...]] = field(default_factory=dict)
    callers: tuple[Caller, ...] = ()


def services_behind(
    peers: Iterable[str], links: Iterable[Series], operations: Mapping[str, frozenset[str]]
) -> dict[str, str]:
    """The service behind each peer of one service, where it is known.

    In this order: what traces have shown (LINKS), if all of them show one service; the service of
    that name; the one that serves the RPCs of that name (`operations` are each service's); that of
    the first label of a host name. A queue is nobody's: who sends does not wait for who reads.
    """
    seen: dict[str, set[str]] = {}
    for link in links:
        if link.name == LINKS:
            seen.setdefault(link.label["peer"], set()).add(link.label["callee"])
    found = {peer: _behind(peer, seen.get(peer, set()), operations) for peer in peers}
    return {peer: service for peer, service in found.items() if service}


def _behind(peer: str, seen: set[str], operations: Mapping[str, frozenset[str]]) -> str:
    if seen:
        return min(seen) if len(seen) == 1 else ""
    if peer in operations:
        return peer
    serving = [s for s, names in operations.items() if any(n.startswith(f"{peer}/") for n in names)]
    if len(serving) == 1:
        return serving[0]
    host = peer.partition(".")[0]
    return host if host in operations and "/" not in peer else ""
