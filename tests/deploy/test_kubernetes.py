from pathlib import Path
from typing import Any

import pytest
import yaml

from perfd.config import load
from perfd.daemon import DRAIN_SECONDS
from tests.deploy.checkers import DEPLOY, documents, run

BASE = DEPLOY / "kubernetes" / "base"
EXAMPLE = DEPLOY / "kubernetes" / "overlays" / "example"


def manifests(folder: Path) -> list[Path]:
    """The files that a kustomization lists as resources."""
    (kustomization,) = documents(folder / "kustomization.yaml")
    return [folder / name for name in kustomization["resources"] if name.endswith(".yaml")]


def merged(base: Any, patch: Any) -> Any:
    """A strategic merge: mappings key by key, lists of named things by name."""
    if isinstance(base, dict) and isinstance(patch, dict):
        return {**base, **{k: merged(base[k], v) if k in base else v for k, v in patch.items()}}
    if isinstance(base, list) and all(isinstance(one, dict) and "name" in one for one in base):
        found = {one["name"]: one for one in patch}
        return [merged(one, found.get(one["name"], {})) for one in base]
    return patch


(DEPLOYMENT,) = documents(BASE / "deployment.yaml")
POD = DEPLOYMENT["spec"]["template"]["spec"]
(PERFD,) = POD["containers"]


def test_kubernetes_takes_it() -> None:
    files = manifests(BASE) + manifests(EXAMPLE)
    assert len(files) == 6
    checked = run("kubernetes-validate", "--strict", *files)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.slow
def test_the_validator_would_catch_a_mistake(tmp_path: Path) -> None:
    wrong = tmp_path / "deployment.yaml"
    text = (BASE / "deployment.yaml").read_text()
    wrong.write_text(text.replace("readOnlyRootFilesystem", "readOnlyRootFileSystem"))
    assert run("kubernetes-validate", "--strict", wrong).returncode == 1


def test_the_example_patches_what_the_base_has(tmp_path: Path) -> None:
    (kustomization,) = documents(EXAMPLE / "kustomization.yaml")
    (patch,) = documents(EXAMPLE / kustomization["patches"][0]["path"])
    assert (patch["kind"], patch["metadata"]["name"]) == ("Deployment", "perfd")
    both = tmp_path / "deployment.yaml"
    result = merged(DEPLOYMENT, patch)
    both.write_text(yaml.safe_dump(result))
    assert run("kubernetes-validate", "--strict", both).returncode == 0
    (container,) = result["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"] == {"memory": "512Mi"}
    assert container["image"] == PERFD["image"] == kustomization["images"][0]["name"]


@pytest.mark.parametrize("folder", [BASE, EXAMPLE], ids=lambda folder: folder.name)
def test_every_file_is_part_of_the_kustomization(folder: Path) -> None:
    (kustomization,) = documents(folder / "kustomization.yaml")
    listed = {file.name for file in manifests(folder)}
    listed |= {name for made in kustomization["configMapGenerator"] for name in made["files"]}
    listed |= {patch["path"] for patch in kustomization.get("patches", [])}
    assert {file.name for file in folder.iterdir()} == listed | {"kustomization.yaml"}


@pytest.mark.parametrize("folder", [BASE, EXAMPLE], ids=lambda folder: folder.name)
def test_perfd_takes_its_configuration(folder: Path) -> None:
    config = load(folder / "perfd.yaml", {})
    token = Path(config.auth.token_file)
    mounted = {mount["mountPath"] for mount in PERFD["volumeMounts"]}
    assert str(token.parent) in mounted


def test_the_pod_may_do_nothing_that_it_need_not() -> None:
    assert POD["automountServiceAccountToken"] is False
    assert POD["enableServiceLinks"] is False
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert PERFD["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_it_has_the_time_to_drain() -> None:
    shutdown = load(BASE / "perfd.yaml", {}).web.shutdown_timeout
    assert POD["terminationGracePeriodSeconds"] >= DRAIN_SECONDS + 2 * shutdown


def test_ports_mounts_and_volumes_belong_together() -> None:
    (service,) = documents(BASE / "service.yaml")
    (claim,) = documents(BASE / "volume.yaml")
    ports = {port["name"]: port["containerPort"] for port in PERFD["ports"]}
    assert {p["targetPort"]: p["port"] for p in service["spec"]["ports"]} == ports
    assert ports == {"http": 4040, "otlp-grpc": 4317, "otlp-http": 4318}
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert DEPLOYMENT["spec"]["selector"]["matchLabels"].items() <= labels.items()
    volumes = {volume["name"]: volume for volume in POD["volumes"]}
    assert {mount["name"] for mount in PERFD["volumeMounts"]} == set(volumes)
    assert volumes["data"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
