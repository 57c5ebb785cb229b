"""How what perfd knows is written into the store's documents, and read back."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
import numpy as np

from perfd.model.batch import (
    BUDGET,
    DEPLOY,
    DETECTABILITY,
    EVIDENCE,
    FINDING,
    OUTBOX,
    TICKET,
    Document,
)
from perfd.model.budget import Budget
from perfd.model.deploy import Deploy
from perfd.model.detectability import Detectability
from perfd.model.evidence import Evidence
from perfd.model.finding import Finding
from perfd.model.ticket import Ticket
from perfd.tickets.outbox import OutboxEntry

T = TypeVar("T")

# The kind a type is stored under. MessagePack, not JSON: NaN and integer keys survive.
_KINDS: dict[type[Any], str] = {
    Ticket: TICKET,
    Finding: FINDING,
    Evidence: EVIDENCE,
    Deploy: DEPLOY,
    OutboxEntry: OUTBOX,
    Budget: BUDGET,
    Detectability: DETECTABILITY,
}


def encode(value: Any) -> bytes:
    """Any of the model's records as bytes."""
    return msgspec.msgpack.encode(value, enc_hook=_plain)


def decode(type_: type[T], body: bytes) -> T:
    """The record back; raises msgspec.DecodeError on bytes that are not one."""
    return msgspec.msgpack.decode(body, type=type_)


def _plain(value: Any) -> Any:
    """A number that numpy computed as the number that it is."""
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value).__name__} has no place in a document")


def document(value: Any, id: str, revision: int, at: float) -> Document:
    """A document of the value's own kind."""
    return Document(_KINDS[type(value)], id, revision, at, encode(value))
