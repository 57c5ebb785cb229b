"""Who sent it: a Resource from the attributes of OTLP, by the semantic conventions.

Version, environment and instance have no value that is always there, so each has an order of names
to try. Of the rest only what perfd matches processes, containers and commits by is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from perfd.errors import BadInput
from perfd.interfaces import Meter
from perfd.model.attribute import fields, pair
from perfd.model.series import UNKNOWN, Resource
from perfd.model.text import MOST, shorten

UNKNOWN_SERVICE = "unknown_service"  # what the specification says of a missing service.name
ENVIRONMENT = ("deployment.environment.name", "deployment.environment")  # stable, legacy
KEPT = (
    "container.id",
    "container.image.",
    "host.name",
    "k8s.pod.uid",
    "process.pid",
    "telemetry.sdk.language",
    "vcs.ref.head.revision",
)
IMAGE = ("container.image.repo_digests", "container.image.id")
_DIGEST = re.compile(r"sha256:[0-9a-f]{12}")  # as much of it as people look at
_ATTRIBUTES = 1  # field of the Resource message
_MEMO = 4096  # resources; a service that changes its resource with every request fills it
_MEMO_BYTES = 8192  # per resource


class Resources:
    """Encoded Resource messages to Resources, decoded once per distinct bytes."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._memo: dict[bytes, Resource] = {}

    def of(self, encoded: bytes) -> Resource:
        """Raises BadInput where the bytes are malformed."""
        resource = self._memo.get(encoded)
        if resource is None:
            resource = self._decode(encoded)
            if len(encoded) <= _MEMO_BYTES:
                if len(self._memo) >= _MEMO:
                    self._memo.clear()
                self._memo[encoded] = resource
        return resource

    def _decode(self, encoded: bytes) -> Resource:
        try:
            attributes = dict(
                pair(content)
                for number, content in fields(encoded)
                if number == _ATTRIBUTES and isinstance(content, bytes)
            )
        except ValueError as error:
            raise BadInput(f"a resource is malformed: {error}") from None
        kept = {key: self._short(value) for key, value in attributes.items() if value}
        return resource_of(kept)

    def _short(self, value: str) -> str:
        if len(value) > MOST:
            self._meter.count("perfd_truncated", signal="any", what="resource")
        return shorten(value)


def resource_of(attributes: Mapping[str, str]) -> Resource:
    """The Resource of attributes by name; empty values count as missing."""
    return Resource(
        attributes.get("service.name") or UNKNOWN_SERVICE,
        version_of(attributes),
        next((attributes[name] for name in ENVIRONMENT if attributes.get(name)), UNKNOWN),
        instance_of(attributes),
        tuple(sorted((k, v) for k, v in attributes.items() if k.startswith(KEPT))),
    )


def version_of(attributes: Mapping[str, str]) -> str:
    """`service.version`, else the digest of the image that runs: it changes with every deploy."""
    if version := attributes.get("service.version"):
        return version
    for name in IMAGE:
        if digest := _DIGEST.search(attributes.get(name, "")):
            return digest[0]
    return UNKNOWN


def instance_of(attributes: Mapping[str, str]) -> str:
    """`service.instance.id`, else host and process, else the container."""
    if instance := attributes.get("service.instance.id"):
        return instance
    host, pid = attributes.get("host.name"), attributes.get("process.pid")
    if host and pid:
        return f"{host}:{pid}"
    return attributes.get("container.id") or UNKNOWN
