"""Agents on Kubernetes: a native sidecar, a DaemonSet, and the centre that both forward to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from perfd.config import Config, load
from perfd.daemon import DRAIN_SECONDS
from tests.deploy.checkers import DEPLOY, documents, run

KUBERNETES = DEPLOY / "kubernetes"
SIDECAR, DAEMONSET = KUBERNETES / "sidecar", KUBERNETES / "daemonset"
SHOP = KUBERNETES / "overlays" / "shop"

(PATCH,) = documents(SIDECAR / "agent.yaml")
(COMPONENT,) = documents(SIDECAR / "kustomization.yaml")
(AGENT,) = PATCH["spec"]["template"]["spec"]["initContainers"]
(DAEMON,) = documents(DAEMONSET / "daemonset.yaml")
POD = DAEMON["spec"]["template"]["spec"]
(PERFD,) = POD["containers"]
(CENTRE,) = documents(KUBERNETES / "base" / "service.yaml")


def patched(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """A strategic merge of what the sidecar adds: mappings by key, new lists as they are."""
    result = dict(base)
    for key, value in patch.items():
        held = base.get(key)
        both = isinstance(held, dict) and isinstance(value, dict)
        result[key] = patched(held, value) if both else value  # type: ignore[arg-type]
    return result


def environment(container: dict[str, Any]) -> dict[str, str]:
    """What perfd reads; a field of the pod is any text."""
    found = {one["name"]: one.get("value", "pod-1") for one in container.get("env", [])}
    return {name: value for name, value in found.items() if name.startswith("PERFD_")}


def sidecar() -> Config:
    """What the container's environment says on top of the image's."""
    image = re.findall(r"(PERFD_\w+)=(\S+)", (DEPLOY / "docker" / "Dockerfile").read_text())
    assert image
    return load(None, {**dict(image), **environment(AGENT)})


def test_kubernetes_takes_the_daemonset() -> None:
    (kustomization,) = documents(DAEMONSET / "kustomization.yaml")
    files = [DAEMONSET / name for name in kustomization["resources"]]
    checked = run("kubernetes-validate", "--strict", *files)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    made = {name for one in kustomization["configMapGenerator"] for name in one["files"]}
    listed = {file.name for file in files} | made | {"kustomization.yaml"}
    assert {file.name for file in DAEMONSET.iterdir()} == listed


def test_kubernetes_takes_a_deployment_with_the_sidecar(tmp_path: Path) -> None:
    (deployment,) = documents(SHOP / "deployment.yaml")
    both = patched(deployment, {"spec": PATCH["spec"]})
    file = tmp_path / "deployment.yaml"
    file.write_text(yaml.safe_dump(both))
    checked = run("kubernetes-validate", "--strict", file)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert [c["name"] for c in both["spec"]["template"]["spec"]["containers"]] == ["pricing"]


def test_the_sidecar_is_a_native_one_and_finds_its_deployments() -> None:
    assert AGENT["restartPolicy"] == "Always"
    assert "startupProbe" in AGENT, "the service starts once the agent takes telemetry"
    (patch,) = COMPONENT["patches"]
    name, _, value = patch["target"]["labelSelector"].partition("=")
    (deployment,) = documents(SHOP / "deployment.yaml")
    assert deployment["metadata"]["labels"][name] == value
    (kustomization,) = documents(SHOP / "kustomization.yaml")
    assert [(SHOP / one).resolve() for one in kustomization["components"]] == [SIDECAR.resolve()]
    assert kustomization["images"][0]["name"] == AGENT["image"]


def test_both_are_agents_of_the_centre() -> None:
    ports = {port["port"] for port in CENTRE["spec"]["ports"]}
    name = CENTRE["metadata"]["name"]
    for config in (sidecar(), load(DAEMONSET / "perfd.yaml", environment(PERFD))):
        host, _, port = config.forward.url.removeprefix("http://").partition(":")
        assert host.split(".")[0] == name
        assert int(port) in ports
        assert config.forward.name == "pod-1"


def test_the_token_is_the_secret_of_the_centre() -> None:
    for config, container, volumes in (
        (sidecar(), AGENT, PATCH["spec"]["template"]["spec"]["volumes"]),
        (load(DAEMONSET / "perfd.yaml", {}), PERFD, POD["volumes"]),
    ):
        folder = str(Path(config.forward.token_file).parent)
        (mount,) = [m for m in container["volumeMounts"] if m["mountPath"] == folder]
        (volume,) = [v for v in volumes if v["name"] == mount["name"]]
        assert volume["secret"]["secretName"] == "perfd-token"
        assert mount["readOnly"] is True


def test_the_sidecar_is_reached_from_its_own_pod_only() -> None:
    listen = sidecar().listen
    for address in (listen.http, listen.otlp_http, listen.otlp_grpc):
        assert address.startswith("127.0.0.1:")
    assert "ports" not in AGENT


def test_the_daemonset_is_reached_with_the_token_only() -> None:
    config = load(DAEMONSET / "perfd.yaml", {})
    (service,) = documents(DAEMONSET / "service.yaml")
    ports = {port["name"]: port["containerPort"] for port in PERFD["ports"]}
    listen = config.listen
    addresses = (listen.http, listen.otlp_grpc, listen.otlp_http)
    assert [int(a.rpartition(":")[2]) for a in addresses] == list(ports.values())
    assert {p["targetPort"]: p["port"] for p in service["spec"]["ports"]} == ports
    assert service["spec"]["internalTrafficPolicy"] == "Local"
    assert config.auth.token_file


def test_they_may_do_nothing_that_they_need_not() -> None:
    for container in (AGENT, PERFD):
        allowed = container["securityContext"]
        assert allowed["allowPrivilegeEscalation"] is False
        assert allowed["readOnlyRootFilesystem"] is True
        assert allowed["capabilities"] == {"drop": ["ALL"]}
    assert AGENT["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["automountServiceAccountToken"] is False
    for pod in (POD, PATCH["spec"]["template"]["spec"]):
        assert pod["enableServiceLinks"] is False


def test_there_is_room_for_what_waits_and_time_to_send_it() -> None:
    for config, volumes in (
        (sidecar(), PATCH["spec"]["template"]["spec"]["volumes"]),
        (load(DAEMONSET / "perfd.yaml", {}), POD["volumes"]),
    ):
        needed = config.forward.max_bytes + config.store.log.max_bytes
        (data,) = [v for v in volumes if v["name"].endswith("data")]
        assert data["emptyDir"]["sizeLimit"] == "1Gi"
        assert needed < 1 << 30
        assert config.data_dir.startswith("/data/")
    assert POD["terminationGracePeriodSeconds"] >= 2 * DRAIN_SECONDS
