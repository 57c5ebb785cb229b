"""The labels of a pushed profile to a Resource: Pyroscope's names for OpenTelemetry's."""

from __future__ import annotations

from collections.abc import Mapping

from perfd.model.series import Resource
from perfd.sources.otlp_resource import resource_of

# The semantic convention, and what profilers' users call it where dots are unusual.
_ALSO = {
    "service.name": ("service_name",),
    "service.version": ("service_version", "version", "service_git_ref"),
    "deployment.environment.name": (
        "deployment_environment_name",
        "deployment.environment",
        "deployment_environment",
        "environment",
        "env",
    ),
    "service.instance.id": ("service_instance_id", "instance", "k8s.pod.name", "pod"),
    "host.name": ("hostname",),
    "process.pid": ("process_pid", "pid"),
}


def labelled_resource(labels: Mapping[str, str]) -> Resource:
    """Who sent a profile with these labels."""
    attributes = {name: value for name, value in labels.items() if value}
    for name, others in _ALSO.items():
        found = next((labels[other] for other in (name, *others) if labels.get(other)), None)
        if found is not None:
            attributes[name] = found
    return resource_of(attributes)
