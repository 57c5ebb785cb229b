"""The memory of a service's scan, in the store."""

from __future__ import annotations

from perfd.detect.scan.memory import Memory
from perfd.interfaces import Store
from perfd.model.batch import SCAN, Document
from perfd.tickets.codec import decode, encode


def load(store: Store, name: str) -> Memory | None:
    """What was remembered; None at the first evaluation."""
    held = store.document(SCAN, name)
    return None if held is None else decode(Memory, held.body)


def save(store: Store, memory: Memory, now: float) -> None:
    """Write what is remembered from now on."""
    store.put([Document(SCAN, memory.id, store.next_revision(), now, encode(memory))])
