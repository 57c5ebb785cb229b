"""What stands for the version where a service does not name it."""

from __future__ import annotations

from perfd.sources.otlp_resource import resource_of

DIGEST = "sha256:" + "0123456789abcdef" * 4


def test_the_version_that_a_service_names_comes_first() -> None:
    named = {"service.version": "1.2.3", "container.image.id": DIGEST}
    assert resource_of(named).version == "1.2.3"


def test_without_one_the_image_digest_tells_deploys() -> None:
    repository = {"container.image.repo_digests": f"registry/shop@{DIGEST}"}
    assert resource_of(repository).version == "sha256:0123456789ab"
    assert resource_of({"container.image.id": DIGEST}).version == "sha256:0123456789ab"


def test_a_tag_is_no_version() -> None:
    """`latest` is deployed again and again."""
    assert resource_of({"container.image.tags": "latest"}).version == "unknown"
