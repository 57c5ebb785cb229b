"""The labels of a pushed profile: Pyroscope's conventions and OpenTelemetry's, to a Resource."""

from __future__ import annotations

from collections.abc import Mapping

from perfd.model.series import UNKNOWN, Resource

_SERVICE = ("service_name", "service.name")
_VERSION = ("service.version", "service_version", "version", "service_git_ref")
_ENVIRONMENT = (
    "deployment.environment.name",
    "deployment_environment_name",
    "deployment.environment",
    "deployment_environment",
    "environment",
    "env",
)
_INSTANCE = (
    "service.instance.id",
    "service_instance_id",
    "instance",
    "k8s.pod.name",
    "pod",
    "host.name",
    "hostname",
    "process.pid",
    "pid",
)
# Those of one request are no property of the resource, and `__name__` and its like are not labels.
_OF_A_REQUEST = frozenset({"span_id", "trace_id", "span_name", "profile_id"})


def resource_of(labels: Mapping[str, str]) -> Resource:
    """Who sent it; labels that name nothing of this stay as attributes."""
    attributes = {
        name: value
        for name, value in labels.items()
        if not name.startswith("__") and name not in _OF_A_REQUEST
    }
    return Resource(
        service=_first(labels, _SERVICE),
        version=_first(labels, _VERSION),
        environment=_first(labels, _ENVIRONMENT),
        instance=_first(labels, _INSTANCE),
        attributes=tuple(sorted(attributes.items())),
    )


def _first(labels: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((labels[name] for name in names if labels.get(name)), UNKNOWN)
