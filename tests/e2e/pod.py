"""A pod: an instance of a service with an agent beside it, both gone together."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.e2e.daemon import Running
from tests.e2e.spans import post

EVERY = 0.25  # seconds between two exports
REQUESTS = 20  # in each


class Pod:
    """Serves requests that take about `seconds`, and exports them to its own agent."""

    def __init__(
        self, folder: Path, centre: str, name: str, version: str, seconds: float, settings: str = ""
    ) -> None:
        folder.mkdir()
        forward = f"forward: {{url: 'http://{centre}', name: {name}}}\n"
        self.agent = Running(folder, settings + forward)
        self._name, self._version, self._seconds = name, version, seconds
        self._rng = random.Random(name + version)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.refused = 0

    def start(self) -> None:
        """The agent first, as a native sidecar is."""
        self.agent.start()
        self._thread.start()

    def stop(self) -> None:
        """The service first, then the agent, which drains."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(20)
        assert self.agent.stop() == 0, self.agent.log()

    def export(self) -> int:
        """Send the requests of one interval; the agent's status."""
        return post(self.agent.otlp_http, "/v1/traces", self._body())

    def _serve(self) -> None:
        while not self._ended.wait(EVERY):
            if self.export() != 200:
                self.refused += 1

    def _body(self) -> bytes:
        request = ExportTraceServiceRequest()
        resource = request.resource_spans.add()
        resource.resource.attributes.extend(
            [
                _text("service.name", "shop"),
                _text("service.version", self._version),
                _text("deployment.environment.name", "prod"),
                _text("service.instance.id", self._name),
            ]
        )
        spans = resource.scope_spans.add().spans
        end = time.time_ns()
        for _ in range(REQUESTS):
            took = self._seconds * self._rng.lognormvariate(0.0, 0.3)
            spans.add(
                trace_id=self._rng.randbytes(16),
                span_id=self._rng.randbytes(8),
                name="GET /cart",
                kind=Span.SPAN_KIND_SERVER,
                start_time_unix_nano=end - int(took * 1e9),
                end_time_unix_nano=end,
                attributes=[_text("http.request.method", "GET"), _text("http.route", "/cart")],
            )
        return request.SerializeToString()


def _text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))
