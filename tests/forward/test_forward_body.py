"""The envelope: what was sent comes back, and anything else is refused in words."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfd.errors import BadInput, Conflict, TooLarge
from perfd.forward.body import unwrap, wrap

LIMIT = 1 << 20


@given(st.binary(max_size=2000))
def test_content_comes_back(content: bytes) -> None:
    assert unwrap(wrap(content), LIMIT) == content


@given(st.binary(max_size=200), st.data())
def test_one_changed_bit_is_noticed(content: bytes, data: st.DataObject) -> None:
    body = bytearray(wrap(content))
    place = data.draw(st.integers(0, len(body) * 8 - 1))
    body[place // 8] ^= 1 << (place % 8)
    with pytest.raises((BadInput, Conflict)):
        unwrap(bytes(body), LIMIT)


@given(st.binary(max_size=100))
def test_any_bytes_are_refused_in_words(body: bytes) -> None:
    with pytest.raises(BadInput, match="PFDW"):
        unwrap(body, LIMIT)


def test_a_bomb_is_refused_before_it_is_inflated() -> None:
    with pytest.raises(TooLarge):
        unwrap(wrap(bytes(LIMIT + 1)), LIMIT)


def test_a_bomb_that_understates_its_length_is_cut_off() -> None:
    rest = (10).to_bytes(4, "little") + zlib.compress(bytes(1 << 24), 9)
    body = b"PFDW\x01" + zlib.crc32(rest).to_bytes(4, "little") + rest
    with pytest.raises(BadInput, match="length"):
        unwrap(body, LIMIT)


def test_another_version_may_be_understood_after_an_upgrade() -> None:
    body = bytearray(wrap(b""))
    body[4] = 2
    with pytest.raises(Conflict, match="version 2"):
        unwrap(bytes(body), LIMIT)
