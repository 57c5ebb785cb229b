"""Spans per second through the receivers: over loopback, from the socket to the answer.

    python -m tests.bench.receive [--intake null|real] [--durability fsync] [--seconds 3]

A client in a process of its own keeps four requests under way (closed loop: this is about what a
span costs, not about latency; tests/bench/daemon.py sends at a fixed rate). The server is in this
process, so its CPU is what this process used: spans per CPU-second is the figure to compare. With
`--intake real` everything happens that happens in the daemon before the answer: request log,
fsync, aggregation; with `null` only receiving and decoding, which is the control.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import grpc

from perfd.aggregate.aggregator import Aggregator
from perfd.aggregate.settings import AggregateSettings
from perfd.clock import SystemClock
from perfd.interfaces import Delivery, Intake, Meter
from perfd.jobs.intake import LoggedIntake
from perfd.sources.admission import Admission
from perfd.sources.otlp_decode import OtlpDecoder
from perfd.sources.otlp_grpc import METHODS, OtlpGrpc
from perfd.sources.otlp_http import OtlpHttp
from perfd.sources.settings import OtlpSettings
from perfd.store.request_log import SegmentLog
from perfd.store.settings import LogSettings
from perfd.telemetry import Telemetry, TelemetrySettings
from tests.bench.traffic import body

UNDER_WAY = 4
BATCHES = (512, 8192)  # the SDKs' batch and the Collector's
FLUSH = 1.0  # seconds: how often the daemon at most takes the aggregate's increments
PATH = next(path for path, signal in METHODS.items() if signal == "traces")
TRANSPORTS = {
    "http, gzip": (OtlpHttp, True),
    "grpc": (OtlpGrpc, False),
    "grpc, gzip": (OtlpGrpc, True),
}


# --- the client -----------------------------------------------------------------------------------


def requests(spans: int) -> list[bytes]:
    """Eight requests; a large one is several that follow each other, which protobuf merges."""
    now = time.time_ns()
    bodies = [body(seed, BATCHES[0]).at(now) for seed in range(8)]
    turned = [bodies[n:] + bodies[:n] for n in range(8)]
    return [b"".join((turn * 2)[: spans // BATCHES[0]]) for turn in turned]


async def send_http(
    address: str, bodies: list[bytes], packed: bool, over: Callable[[], bool]
) -> int:
    """Requests answered with 200 until it is over."""
    headers = {"Content-Type": "application/x-protobuf"}
    if packed:
        headers["Content-Encoding"] = "gzip"
        bodies = [gzip.compress(each, 6) for each in bodies]

    async def loop(session: aiohttp.ClientSession, number: int) -> int:
        done = 0
        while not over():
            data = bodies[(number + done) % len(bodies)]
            async with session.post(
                f"http://{address}/v1/traces", data=data, headers=headers
            ) as got:
                await got.read()
                done += got.status == 200
        return done

    async with aiohttp.ClientSession() as session:
        return sum(await asyncio.gather(*(loop(session, n) for n in range(UNDER_WAY))))


async def send_grpc(
    address: str, bodies: list[bytes], packed: bool, over: Callable[[], bool]
) -> int:
    """Calls answered with OK until it is over."""
    compression = grpc.Compression.Gzip if packed else grpc.Compression.NoCompression
    async with grpc.aio.insecure_channel(address, compression=compression) as channel:
        call = channel.unary_unary(PATH)

        async def loop(number: int) -> int:
            done = 0
            while not over():
                await call(bodies[(number + done) % len(bodies)])
                done += 1
            return done

        return sum(await asyncio.gather(*(loop(n) for n in range(UNDER_WAY))))


def client(args: argparse.Namespace) -> None:
    """The process that sends; prints how many requests were taken."""
    bodies = requests(args.spans)
    print("ready", flush=True)
    sys.stdin.readline()
    until = time.monotonic() + args.seconds
    send = send_http if args.transport.startswith("http") else send_grpc
    packed = "gzip" in args.transport
    taken = asyncio.run(send(args.client, bodies, packed, lambda: time.monotonic() > until))
    print(json.dumps({"taken": taken}), flush=True)


# --- the server -----------------------------------------------------------------------------------


class NullIntake:
    """Takes everything at once."""

    async def accept(self, _: Delivery) -> None:
        return


class Open:
    """Everybody may push."""

    def may_push(self, _: str | None, origin: str = "") -> bool:
        return True


@asynccontextmanager
async def real_intake(durability: Any, meter: Meter, clock: SystemClock) -> AsyncIterator[Intake]:
    """The daemon's intake with its log in a folder of its own; flushed like the daemon does."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        log = SegmentLog(
            Path(folder), LogSettings(), durability=durability, after=-1, clock=clock, meter=meter
        )
        aggregate = Aggregator(
            AggregateSettings(), pace=1.0, meter=meter, random=random.Random(1).random
        )
        intake = LoggedIntake(log, aggregate, clock, meter)
        intake.open = True

        async def flush() -> None:
            while True:
                await asyncio.sleep(FLUSH)
                batch = aggregate.take(clock.now())
                if batch.log_position is not None:
                    log.forget(batch.log_position)

        flushing = asyncio.create_task(flush())
        yield intake
        flushing.cancel()
        log.close()


def cpu() -> float:
    """Seconds of CPU that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measure(transport: str, spans: int, args: argparse.Namespace) -> None:
    """Run one client against one receiver and print what it took."""
    settings, clock = OtlpSettings(), SystemClock()
    meter = Telemetry(TelemetrySettings(), "bench")
    kind, _ = TRANSPORTS[transport]
    async with AsyncExitStack() as stack:
        intake: Intake = NullIntake()
        if args.intake == "real":
            real = real_intake(args.durability, meter, clock)
            intake = await stack.enter_async_context(real)
        admission = Admission(settings.max_in_flight_size, settings.max_in_flight_requests)
        decoder = OtlpDecoder(settings, meter)
        receiver = kind(settings, "127.0.0.1:0", decoder, intake, admission, Open(), clock, meter)
        await receiver.start()
        stack.push_async_callback(receiver.stop)
        command = [*(sys.executable, "-m", "tests.bench.receive"), "--client", receiver.address]
        options = ["--transport", transport, "--spans", str(spans), "--seconds", str(args.seconds)]
        sender = await asyncio.create_subprocess_exec(
            *command, *options, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert sender.stdin is not None
        assert sender.stdout is not None
        await sender.stdout.readline()
        began, used = time.perf_counter(), cpu()
        sender.stdin.write(b"go\n")
        taken = json.loads(await sender.stdout.readline())["taken"] * spans
        wall, used = time.perf_counter() - began, cpu() - used
        await sender.wait()
    print(
        f"{transport:12} {spans:5} spans/request  {taken / wall:9,.0f} spans/s"
        f"  {taken / used:9,.0f} spans per CPU-second"
        f"  {30_000 * used / taken:6.1%} of a core at 30,000 spans/s",
        flush=True,
    )
    meter.close()


def main(argv: list[str] | None = None) -> int:
    """Print one line for each transport and size of batch."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--intake", choices=("null", "real", "both"), default="both")
    parser.add_argument("--durability", choices=("fsync", "os", "memory"), default="fsync")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--transport", choices=TRANSPORTS)
    parser.add_argument("--client", help=argparse.SUPPRESS)
    parser.add_argument("--spans", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.client:
        client(args)
        return 0
    for intake in ("null", "real") if args.intake == "both" else (args.intake,):
        args.intake = intake
        words = f"real, durability {args.durability}" if intake == "real" else "null (control)"
        print(f"intake {words}")
        for transport in [args.transport] if args.transport else TRANSPORTS:
            for spans in BATCHES:
                asyncio.run(measure(transport, spans, args))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
