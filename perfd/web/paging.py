"""Lists in pages: a cursor names the last entry seen, so that new entries shift nothing."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Callable, Sequence
from typing import TypeVar

from perfd.errors import BadInput

T = TypeVar("T")
Key = tuple[float, str]


def page(
    entries: Sequence[T], key: Callable[[T], Key], limit: int, cursor: str | None
) -> tuple[list[T], str | None]:
    """The next `limit` entries behind `cursor`, and the cursor behind them (None at the end).

    `entries` are sorted by `key`, greatest first.
    """
    rest = list(entries)
    if cursor:
        last = _parse(cursor)
        rest = [entry for entry in rest if key(entry) < last]
    shown = rest[:limit]
    more = len(rest) > limit
    return shown, (_write(key(shown[-1])) if more else None)


def _write(key: Key) -> str:
    packed = struct.pack(">d", key[0]) + key[1].encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _parse(cursor: str) -> Key:
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return struct.unpack(">d", packed[:8])[0], packed[8:].decode()
    except (binascii.Error, struct.error, ValueError):
        raise BadInput("cursor: not one that perfd gave out. Leave it out to begin.") from None
