"""CPU profiles as a push of pprof, in the way of a Pyroscope client."""

from __future__ import annotations

from collections.abc import Mapping

from tests.scenarios.service import Instance, Service
from tests.sources.pprof_body import Writer, push

PERIOD = 10_000_000  # ns between two samples: 100 Hz
MEDIA = "application/proto"

Stack = tuple[str, ...]  # root first


def profile(
    service: Service, instance: Instance, samples: Mapping[Stack, int], end: float, seconds: float
) -> bytes:
    """A push request of `samples` by stack, taken over the seconds before `end`."""
    writer = Writer(period=PERIOD, start=end - seconds, duration=seconds)
    for stack, count in samples.items():
        if count:
            writer.stack(stack, count * PERIOD)
    labels = {
        "service_name": service.name,
        "service_version": instance.build.version,
        "deployment_environment_name": service.environment,
        "service_instance_id": instance.name,
    }
    if sampler := service.reporting.samplers.get(instance.build.version):
        labels["otel.scope.name"] = sampler
    return push(labels, writer.bytes())
