"""Checksums. SQLite does not notice a flipped bit, so every stored body carries a CRC-32.

The checksum also covers where the body belongs (its keys), so that a row that turns up under
another key is found out as well.
"""

from __future__ import annotations

from zlib import crc32

from perfd.errors import Corrupt

_SIZE = 4


def seal(body: bytes, *keys: int | str) -> bytes:
    """The body behind its checksum."""
    return _check(body, keys).to_bytes(_SIZE, "little") + body


def unseal(sealed: bytes, *keys: int | str) -> bytes:
    """The body. Raises Corrupt when it, its checksum or its keys are not what was written."""
    body = sealed[_SIZE:]
    if len(sealed) < _SIZE or _check(body, keys).to_bytes(_SIZE, "little") != sealed[:_SIZE]:
        raise Corrupt(f"checksum of {keys} does not match")
    return body


def _check(body: bytes, keys: tuple[int | str, ...]) -> int:
    return crc32(body, crc32("\x1f".join(map(str, keys)).encode("utf-8", "surrogatepass")))
