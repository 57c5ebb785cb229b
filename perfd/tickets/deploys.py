"""Deploys told of twice, and the tickets that a deploy claims to fix."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from perfd.model.deploy import ANNOUNCED, Deploy
from perfd.model.series import UNKNOWN

JOIN = 900.0  # seconds: traffic and announcement of one version within 15 minutes are one deploy

# `Perf-Ticket: PERF-K3QZ7A`, a trailer as git knows them; several may be listed.
_TRAILER = re.compile(r"^[ \t]*Perf-Ticket:([^\n]{0,200})", re.IGNORECASE | re.MULTILINE)
_ID = re.compile(r"\bPERF-[A-Z2-7]{6}\b", re.IGNORECASE)


def claims_in(message: str) -> tuple[str, ...]:
    """The ids in a message's `Perf-Ticket:` trailers, in order, each once."""
    lines = _TRAILER.findall(message)
    found = (name.upper() for line in lines for name in _ID.findall(line))
    return tuple(dict.fromkeys(found))


def joined(deploy: Deploy, known: Iterable[Deploy]) -> Deploy:
    """The deploy to record: a known one with what is new about it, or this one as it is.

    The known one keeps its time, hence its id. A version that came back after another one is a
    deploy of its own, however short the time between.
    """
    deploy = dataclasses.replace(deploy, claims=deploy.claims or claims_in(deploy.message))
    same = [d for d in known if (d.service, d.environment) == (deploy.service, deploy.environment)]
    twin = next((d for d in same if _one(d, deploy, same)), None)
    if twin is None:
        return _timed(deploy, same)
    return dataclasses.replace(
        twin,
        previous=twin.previous or deploy.previous,
        commit=twin.commit or deploy.commit,
        url=twin.url or deploy.url,
        message=twin.message or deploy.message,
        claims=tuple(dict.fromkeys(twin.claims + deploy.claims)),
    )


def _timed(deploy: Deploy, known: Iterable[Deploy]) -> Deploy:
    """An announcement that names the restart of a service without labels: that was the time."""
    restarts = (d.at for d in known if d.version == UNKNOWN and abs(d.at - deploy.at) <= JOIN)
    at = next(restarts, None) if deploy.source == ANNOUNCED else None
    return deploy if at is None else dataclasses.replace(deploy, at=at)


def _one(known: Deploy, told: Deploy, all_: Iterable[Deploy]) -> bool:
    if known.version != told.version or abs(known.at - told.at) > JOIN:
        return False
    low, high = sorted((known.at, told.at))
    return not any(d.version != known.version and low < d.at < high for d in all_)
