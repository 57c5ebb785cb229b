"""Hostile and broken bodies against the real process: a clear 4xx, bounded memory, all counted."""

from __future__ import annotations

import gzip
import random
import zlib
from pathlib import Path

import psutil
import pytest

from tests.e2e.daemon import Running, running
from tests.e2e.spans import export_request, post

pytestmark = pytest.mark.slow

MIB = 1 << 20
OTLP = ("/v1/traces", "/v1/metrics", "/v1/logs")
PUSH = "/push.v1.PusherService/Push"


def zeros(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    packed = b"".join(packer.compress(bytes(MIB)) for _ in range(size // MIB))
    return packed + packer.flush()


def empty_spans(count: int) -> bytes:
    """2 bytes a span on the wire, 180 times that in memory once parsed."""
    spans = b"\x12\x00" * count

    def field(number: int, value: bytes) -> bytes:
        size, head = len(value), b""
        while size > 0x7F:
            head, size = head + bytes([size & 0x7F | 0x80]), size >> 7
        return bytes([number << 3 | 2]) + head + bytes([size]) + value

    return field(1, field(2, spans))


def hostile() -> list[tuple[str, bytes, dict[str, str], set[int]]]:
    good = export_request("shop", "/cart", 50, random.Random(1))
    packed = {"Content-Encoding": "gzip"}
    return [
        ("garbage", b"\xff" * 1000, {}, {400}),
        ("truncated", good[:-7], {}, {400}),
        ("truncated gzip", gzip.compress(good)[:-20], packed, {400}),
        ("not gzip", good, packed, {400}),
        ("gzip of garbage", gzip.compress(b"\x00\x01garbage"), packed, {400}),
        ("zip bomb, 256 MiB", zeros(256 * MIB), packed, {413}),
        ("too large", bytes(40 * MIB), {}, {413, 0}),
        ("unknown compression", good, {"Content-Encoding": "snappy"}, {415}),
        ("100,000 empty gzip members", gzip.compress(b"") * 100_000, packed, {400, 413}),
    ]


@pytest.mark.parametrize("path", [*OTLP, PUSH])
def test_a_hostile_body_is_refused_in_words_and_memory_stays_bounded(
    path: str, tmp_path: Path
) -> None:
    with running(tmp_path) as perfd:
        address = perfd.http if path == PUSH else perfd.otlp_http
        media = "application/proto" if path == PUSH else "application/x-protobuf"
        assert perfd.process is not None
        process = psutil.Process(perfd.process.pid)
        before = process.memory_info().rss
        for name, body, headers, expected in hostile():
            status = post(address, path, body, media, **headers)
            assert status in expected, f"{name}: {status}"
        wrong = post(address, path, b"{}", "text/plain")
        assert wrong == 415, f"wrong type: {wrong}"
        assert process.memory_info().rss - before < 120 * MIB
        _nothing_is_lost(perfd)


def test_a_bomb_of_empty_spans_is_counted_before_it_is_parsed(tmp_path: Path) -> None:
    with running(tmp_path) as perfd:
        assert perfd.process is not None
        process = psutil.Process(perfd.process.pid)
        before = process.memory_info().rss
        body = gzip.compress(empty_spans(2_000_000), 9)
        assert len(body) < 8192
        status = post(perfd.otlp_http, "/v1/traces", body, Content_Encoding="gzip")
        assert status == 413
        assert process.memory_info().rss - before < 60 * MIB
        _nothing_is_lost(perfd)


def _nothing_is_lost(perfd: Running) -> None:
    """A good batch still arrives, and the identities of accounting hold."""
    good = export_request("shop", "/after", 30, random.Random(2))
    assert post(perfd.otlp_http, "/v1/traces", good) == 200
    for signal in ("traces", "metrics", "logs", "profiles"):
        offered = perfd.metric("perfd_receiver_offered_items_total", signal=signal)
        accepted = perfd.metric("perfd_receiver_accepted_items_total", signal=signal)
        refused = perfd.metric("perfd_receiver_refused_items_total", signal=signal)
        rejected = perfd.metric("perfd_receiver_rejected_items_total", signal=signal)
        assert offered == accepted + refused + rejected, signal
        text = perfd.get("/metrics")[1]  # one reading, so that nothing moves between two names
        stored = _sum(text, "perfd_stored_items_total", signal)
        dropped = _sum(text, "perfd_dropped_items_total", signal)
        in_flight = _sum(text, "perfd_in_flight_items", signal)
        assert accepted == stored + dropped + in_flight, signal


def _sum(text: str, name: str, signal: str) -> float:
    lines = (line.rpartition(" ") for line in text.splitlines() if line.startswith(name + "{"))
    return sum(float(value) for series, _, value in lines if f'signal="{signal}"' in series)
