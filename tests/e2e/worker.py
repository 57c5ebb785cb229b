"""A program that is not the demo: a queue worker that knows nothing of perfd, only the public SDKs.

`worker.py VERSION SECONDS` handles about 40 orders a second and really burns CPU for each; version
1.1.0 has a slow function in it. Endpoints come from the standard environment variables.
"""

from __future__ import annotations

import hashlib
import os
import random
import socket
import sys
import time

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

ORDERS_PER_SECOND = 40


def read_order(size: int) -> bytes:
    digest = b""
    for n in range(size):
        digest = hashlib.sha256(digest + n.to_bytes(4, "big") * 8).digest()
    return digest


def check_address(size: int) -> int:
    """The regression: looks at every pair."""
    found = 0
    for a in range(size // 12):
        for b in range(size // 12):
            found += (a ^ b) & 1
    return found


def main(version: str, seconds: float) -> None:
    resource = Resource.create(
        {
            "service.name": "orders",
            "service.version": version,
            "service.instance.id": f"orders-{version}-{os.getpid()}",
            "deployment.environment.name": "staging",
            "process.pid": os.getpid(),
            "host.name": socket.gethostname(),
        }
    )
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=1000))
    tracer = trace.get_tracer("orders", tracer_provider=provider)
    if address := os.environ.get("PYROSCOPE_SERVER_ADDRESS"):
        import pyroscope

        pyroscope.configure(
            application_name="orders",
            server_address=address,
            tags={"service.version": version, "deployment.environment.name": "staging"},
        )
    rng = random.Random(version)
    end = time.monotonic() + seconds
    due = time.monotonic()
    while due < end:
        due += rng.expovariate(ORDERS_PER_SECOND)
        time.sleep(max(due - time.monotonic(), 0))
        size = int(rng.lognormvariate(8.0, 0.5))
        with tracer.start_as_current_span(
            "process orders",
            kind=SpanKind.CONSUMER,
            attributes={
                "messaging.system": "kafka",
                "messaging.destination.name": "orders",
                "messaging.operation.name": "process",
                "messaging.operation.type": "process",
            },
        ):
            read_order(size)
            if version == "1.1.0":
                check_address(size)
    provider.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
