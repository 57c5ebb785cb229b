import json
import subprocess
import sys

import pytest

from perfd.config import load
from tests.deploy.checkers import DEPLOY, ROOT, documents, run
from tests.packages import require_package

COMPOSE = DEPLOY / "compose"
FILE = COMPOSE / "compose.yaml"
(SPECIFICATION,) = documents(FILE)
SERVICES = SPECIFICATION["services"]


def test_it_is_a_compose_file() -> None:
    checked = run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", FILE)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.slow
def test_the_schema_would_catch_a_mistake(tmp_path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(FILE.read_text().replace("read_only: true", "readonly: true"))
    checked = run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", wrong)
    assert checked.returncode == 1


def test_every_mounted_file_is_there() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (COMPOSE / source).resolve().exists(), source
            else:
                assert source in SPECIFICATION["volumes"]


def test_what_is_depended_on_is_there() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", ())) <= set(SERVICES)


def test_published_ports_stay_on_this_machine() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_perfd_takes_its_configuration() -> None:
    config = load(COMPOSE / "perfd.yaml", {})
    assert config.auth.token_file == "/run/secrets/perfd_token"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["inventory", "pricing", "storefront", "customers"])
def test_the_shop_takes_its_options(name: str) -> None:
    module, *options = SERVICES[name]["command"]
    shown = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        capture_output=True, text=True, check=True, cwd=ROOT, timeout=30,
    ).stdout  # fmt: skip
    for option in options:
        assert not option.startswith("--") or option in shown


def test_prometheus_takes_its_configuration() -> None:
    promtool = require_package("prometheus", "promtool")
    checked = run(
        promtool, "check", "config", "--lint=all", "--lint-fatal", COMPOSE / "prometheus.yml"
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_prometheus_asks_where_perfd_listens() -> None:
    (config,) = documents(COMPOSE / "prometheus.yml")
    (target,) = config["scrape_configs"][0]["static_configs"][0]["targets"]
    assert target == "perfd:4040"
    assert json.dumps(SERVICES["perfd"]["ports"]).count("4040") == 2
