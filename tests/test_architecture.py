"""The house keeps its rules: imports, sizes, names, and what importing costs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "perfd").rglob("*.py"))
LONGEST_FILE = 400
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "handler",
            "handlers", "info", "data"}  # fmt: skip
HEAVY = ("aiohttp", "grpc", "numpy", "sqlite3", "psutil", "apscheduler", "opentelemetry", "rich")


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout


def test_import_contracts() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", ["perfd.config", "perfd.cli"])
def test_importing_it_is_light(module: str) -> None:
    loaded = python(f"import sys, {module}; print(' '.join(sys.modules))").split()
    assert [name for name in HEAVY if name in loaded] == []


def test_files_are_small_and_have_a_name_that_says_something() -> None:
    long = {str(f): n for f in SOURCES if (n := len(f.read_text().splitlines())) > LONGEST_FILE}
    assert long == {}
    assert [f for f in SOURCES if f.stem in NAMELESS] == []


def test_every_module_says_its_job() -> None:
    silent = [str(f) for f in SOURCES if not f.read_text().lstrip().startswith('"""')]
    assert silent == []


def test_rooms_load_nothing_by_themselves() -> None:
    rooms = [f for f in (ROOT / "perfd").glob("*/__init__.py") if f.parent.name != "demo"]
    loud = [f for f in rooms if re.search(r"^(from|import) ", f.read_text(), re.MULTILINE)]
    assert loud == []


def test_no_file_carries_a_registry_address() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    hosts = re.compile(r"pypi\.org|python[h]osted|registry\.npmjs|proxy\.golang")
    found = [
        name
        for name in listed
        if (ROOT / name).is_file()
        and hosts.search((ROOT / name).read_bytes().decode("utf-8", "replace"))
    ]
    assert found == []
