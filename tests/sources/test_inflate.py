import contextlib
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfd.errors import BadInput, TooLarge, Unsupported
from perfd.sources.inflate import MAX_MEMBERS, inflate

LIMIT = 1 << 20


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " gzip "])
def test_gzip_comes_back_plain(encoding):
    assert inflate(gzip.compress(b"span" * 100), encoding, LIMIT) == b"span" * 100


def test_deflate_and_identity():
    assert inflate(zlib.compress(b"span"), "deflate", LIMIT) == b"span"
    assert inflate(b"span", "identity", LIMIT) == b"span"
    assert inflate(b"span", "", LIMIT) == b"span"


def test_members_follow_each_other():
    assert inflate(gzip.compress(b"a") * MAX_MEMBERS, "gzip", LIMIT) == b"a" * MAX_MEMBERS


def test_a_long_row_of_empty_members_is_refused():
    with pytest.raises(BadInput, match="16 compressed members"):
        inflate(gzip.compress(b"") * 100_000, "gzip", LIMIT)


def test_what_fits_exactly_is_taken_and_one_byte_more_is_not():
    assert len(inflate(gzip.compress(bytes(LIMIT)), "gzip", LIMIT)) == LIMIT
    for body, encoding in ((gzip.compress(bytes(LIMIT + 1)), "gzip"), (bytes(LIMIT + 1), "")):
        with pytest.raises(TooLarge):
            inflate(body, encoding, LIMIT)


def test_the_limit_holds_over_all_members_together():
    with pytest.raises(TooLarge):
        inflate(gzip.compress(bytes(LIMIT // 2 + 1)) * 2, "gzip", LIMIT)


def test_a_bomb_costs_no_more_than_the_limit():
    bomb = gzip.compress(bytes(64 << 20))
    with pytest.raises(TooLarge):
        inflate(bomb, "gzip", LIMIT)


def test_an_unknown_compression_names_the_known_ones():
    with pytest.raises(Unsupported, match="gzip, deflate, identity"):
        inflate(b"", "zstd", LIMIT)


@given(st.binary(min_size=1, max_size=300), st.data())
def test_a_truncated_body_is_never_taken_for_a_whole_one(plain, data):
    packed = gzip.compress(plain)
    cut = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(BadInput):
        inflate(packed[:cut], "gzip", LIMIT)


@given(st.binary(max_size=200))
def test_any_bytes_give_bytes_or_a_clear_error(body):
    for encoding in ("gzip", "deflate"):
        with contextlib.suppress(BadInput):
            assert isinstance(inflate(body, encoding, LIMIT), bytes)
