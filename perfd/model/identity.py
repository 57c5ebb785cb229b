"""Stable ids: 63-bit hashes for rows (SQLite integers are signed), base32 for people."""

from __future__ import annotations

import base64
import hashlib


def hash63(*parts: str) -> int:
    """A 63-bit id of an ordered list of strings.

    The separator keeps ("a", "bc") apart from ("ab", "c").
    """
    joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "big") >> 1


def fingerprint(*parts: str) -> str:
    """A 128-bit hexadecimal name for the same list of strings wherever and whenever it is computed.

     128-bit hexadecimal name for the same list of strings wherever and whenever it is
    computed.
    """
    joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(joined, digest_size=16).hexdigest()


def ticket_id(mark: str) -> str:
    """`PERF-` and six base32 characters of a ticket's fingerprint (DESIGN section 5)."""
    return "PERF-" + base64.b32encode(bytes.fromhex(mark)[:4]).decode("ascii")[:6]
