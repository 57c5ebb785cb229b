"""A sender at a fixed rate, in a process of its own: OTLP over HTTP with gzip, or over gRPC.

Open model: batches are due at even times, whatever the receiver does; late ones are sent at once
and counted. Prints one JSON line at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

import aiohttp
import grpc

from tests.bench.traffic import Body, body

PATH = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
BODIES = 16
CONNECTIONS = 8


class HttpSender:
    def __init__(self, address: str) -> None:
        self._url = f"http://{address}/v1/traces"
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS))

    async def send(self, batch: Body) -> bool:
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
        packed = batch.packed(time.time_ns())
        async with self._session.post(self._url, data=packed, headers=headers) as answer:
            await answer.read()
            return answer.status == 200

    async def close(self) -> None:
        await self._session.close()


class GrpcSender:
    def __init__(self, address: str) -> None:
        options = [("grpc.max_send_message_length", 64 << 20)]
        self._channel = grpc.aio.insecure_channel(
            address, options=options, compression=grpc.Compression.Gzip
        )
        self._call = self._channel.unary_unary(PATH)

    async def send(self, batch: Body) -> bool:
        try:
            await self._call(batch.at(time.time_ns()), timeout=10)
        except grpc.aio.AioRpcError:
            return False
        return True

    async def close(self) -> None:
        await self._channel.close()


async def run(args: argparse.Namespace) -> dict[str, float]:
    sender = (GrpcSender if args.transport == "grpc" else HttpSender)(args.address)
    bodies = [body(seed, spans=args.batch) for seed in range(BODIES)]
    tally = {"sent": 0.0, "acknowledged": 0.0, "failed": 0.0}
    latencies: list[float] = []
    running: set[asyncio.Task[None]] = set()

    async def one(batch: Body, due: float) -> None:
        tally["sent"] += batch.spans
        ok = await sender.send(batch)
        tally["acknowledged" if ok else "failed"] += batch.spans
        latencies.append(time.monotonic() - due)

    start = time.monotonic()
    interval = args.batch / args.rate
    count = int(args.seconds / interval)
    for n in range(count):
        due = start + n * interval
        await asyncio.sleep(max(due - time.monotonic(), 0))
        while len(running) >= 4 * CONNECTIONS:
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(one(bodies[n % BODIES], due))
        running.add(task)
        task.add_done_callback(running.discard)
    if running:
        await asyncio.wait(running)
    took = time.monotonic() - start
    await sender.close()
    latencies.sort()
    return tally | {
        "rate": tally["acknowledged"] / took,
        "p50_ms": latencies[len(latencies) // 2] * 1e3,
        "p99_ms": latencies[int(len(latencies) * 0.99)] * 1e3,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--transport", choices=("http", "grpc"), default="http")
    parser.add_argument("--address", required=True)
    parser.add_argument("--rate", type=float, default=10_000, help="spans a second")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--batch", type=int, default=512)
    print(json.dumps(asyncio.run(run(parser.parse_args()))))
