import re
from pathlib import Path

import pytest

from perfd.config import load
from tests.deploy.checkers import DEPLOY, ROOT, run

DOCKERFILE = DEPLOY / "docker" / "Dockerfile"


def instructions() -> str:
    """The Dockerfile without comments and line continuations."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#")]
    return "\n".join(lines).replace("\\\n", " ")


def test_the_linter_has_nothing_to_say() -> None:
    checked = run("hadolint", "--failure-threshold", "style", DOCKERFILE)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_the_linter_would_say_something(tmp_path: Path) -> None:
    wrong = tmp_path / "Dockerfile"
    wrong.write_text(DOCKERFILE.read_text().replace('ENTRYPOINT ["perfd"]', "ENTRYPOINT perfd"))
    assert run("hadolint", wrong).returncode == 1


def test_only_pinned_and_hashed_packages_get_in() -> None:
    installs = re.findall(r"pip .*install (.*)", instructions())
    assert ["--require-hashes" in one or "--no-deps" in one for one in installs] == [True, True]


def test_it_runs_as_nobody_and_says_how_it_is() -> None:
    final = instructions().split("\nFROM ")[-1]
    assert "USER 65532:65532" in final
    assert "HEALTHCHECK" in final
    assert '["perfd", "health"]' in final
    assert "apk " not in final


def test_what_it_copies_is_not_ignored_and_exists() -> None:
    ignored = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text().splitlines()
    sources = [
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", instructions(), re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert sources
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored


def test_its_environment_is_a_configuration() -> None:
    environment = dict(re.findall(r"(PERFD_\w+)=(\S+)", instructions()))
    assert len(environment) == 4
    config = load(None, environment)
    assert config.listen.http == "0.0.0.0:4040"
    assert config.data_dir == "/data"


@pytest.mark.parametrize("port", ["http", "otlp_http", "otlp_grpc"])
def test_it_exposes_what_it_listens_on(port: str) -> None:
    environment = dict(re.findall(r"(PERFD_\w+)=(\S+)", instructions()))
    number = getattr(load(None, environment).listen, port).rpartition(":")[2]
    assert re.search(rf"^EXPOSE .*\b{number}\b", instructions(), re.MULTILINE)
