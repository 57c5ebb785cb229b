"""What a hostile sender can make perfd hold: the peak of resident memory, not of Python's own."""

import asyncio
import gzip
import io
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import grpc
import pytest

from perfd.sources.otlp_grpc import METHODS
from tests.sources.telemetry_bodies import JSON, PROTOBUF, empty_spans, field

MIB = 1 << 20

TRACES = next(path for path, signal in METHODS.items() if signal == "traces")


def in_json(member: str, elements: bytes) -> bytes:
    part = b'"%b":[%b]' % (member.encode(), elements)
    inside = b'"resource":{%b}' % part if member == "attributes" else part
    return b'{"resourceSpans":[{%b}]}' % inside


# name: inflated body, media type. Each is near the limit of 16 MiB once inflated.
BOMBS = {
    "numbers": (b"\x08\x01" * 7_000_000, PROTOBUF),
    "zeros": (bytes(64 * MIB), PROTOBUF),
    "spans": (empty_spans(7_000_000), PROTOBUF),
    "resources": (field(1, b"") * 7_000_000, PROTOBUF),
    "attributes": (field(1, field(2, field(2, field(9, b"") * 7_000_000))), PROTOBUF),
    "as many attributes as pass": (
        field(1, field(2, field(2, field(9, b"") * 999_000))),
        PROTOBUF,
    ),
    "links": (field(1, field(2, field(2, field(13, b"") * 7_000_000))), PROTOBUF),
    "JSON spans": (in_json("scopeSpans", b'{"spans":[' + b"{}," * 5_000_000 + b"{}]}"), JSON),
    "JSON arrays": (b"[" * 8_000_000, JSON),
    "JSON unknown": (b'{"x":[' + b"0," * 7_000_000 + b"0]}", JSON),
    "JSON numbers": (in_json("attributes", b"999," * 4_000_000 + b"0"), JSON),
    "JSON texts": (in_json("attributes", b'"ab",' * 3_000_000 + b"0"), JSON),
    "as many JSON spans as pass": (
        *(in_json("scopeSpans", b'{"spans":[' + b"{}," * 399_000 + b"{}]}"), JSON),
    ),
    "as many JSON texts as pass": (in_json("attributes", b'"ab",' * 999_000 + b"0"), JSON),
    "members": (b"", PROTOBUF),
}


@contextmanager
def receiver(transport):
    """A receiver's process; it checks its accounts when it ends."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.sources.receiver_process", transport],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        yield running
        running.stdin.close()
        assert running.wait(10) == 0


def resident(pid: int, key: str) -> float:
    """VmRSS or VmHWM (the peak) of a process, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) / 1024


def packed(name: str) -> bytes:
    body = BOMBS[name][0]
    return gzip.compress(body, 1) if body else gzip.compress(b"") * 200_000


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
@pytest.mark.parametrize("name", BOMBS)
async def test_eight_bombs_at_once_stay_within_bounds(name):
    body, headers = packed(name), {"Content-Type": BOMBS[name][1], "Content-Encoding": "gzip"}
    with receiver("http") as process:
        url = f"http://{process.stdout.readline().strip()}/v1/traces"
        before = resident(process.pid, "VmRSS")
        async with aiohttp.ClientSession() as session:

            async def post() -> int:
                async with session.post(url, data=io.BytesIO(body), headers=headers) as answer:
                    return answer.status

            codes = await asyncio.gather(*(post() for _ in range(8)))
        grown = resident(process.pid, "VmHWM") - before
    print(f"{name}: {len(body) / 1e3:.0f} kB, {codes[0]}, {before:.0f} + {grown:.0f} MiB")
    assert set(codes) <= {200, 400, 413, 503}
    assert grown < 160  # the most is for JSON spans, which are counted after they are parsed


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
@pytest.mark.parametrize("name", ["spans", "attributes", "links"])
async def test_forty_bombs_at_once_over_grpc(name):
    body = BOMBS[name][0]
    with receiver("grpc") as process:
        address = process.stdout.readline().strip()
        before = resident(process.pid, "VmRSS")
        async with grpc.aio.insecure_channel(address) as channel:
            call = channel.unary_unary(TRACES)

            async def send() -> grpc.StatusCode:
                sent = call(body, compression=grpc.Compression.Gzip)
                return await sent.code()

            codes = await asyncio.gather(*(send() for _ in range(40)))
        grown = resident(process.pid, "VmHWM") - before
    print(f"grpc {name}: {sorted({c.name for c in codes})}, {before:.0f} + {grown:.0f} MiB")
    assert not set(codes) & {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL}
    assert grown < 160
