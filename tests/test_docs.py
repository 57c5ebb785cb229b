"""Documents about names are made of the code, so they cannot drift.

`UPDATE_DOCS=1 make test` writes them anew.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from perfd.cli import COMMANDS
from perfd.telemetry import COUNTER, METRICS
from perfd.web.api import ENDPOINTS
from perfd.web.metrics import RESOURCES
from perfd.web.openapi import describe

ROOT = Path(__file__).parents[1]
MADE = "<!-- Made of the code by tests/test_docs.py; `UPDATE_DOCS=1 make test` writes it anew. -->"


def commands() -> Iterator[str]:
    yield "# The command line\n"
    for command in COMMANDS:
        parser = argparse.ArgumentParser(
            prog=f"perfd {command.name}",
            description=command.help,
            formatter_class=lambda prog: argparse.HelpFormatter(prog, width=96),
        )
        importlib.import_module(f"perfd.commands.{command.module}").configure(parser)
        yield f"## perfd {command.name}\n\n```\n{parser.format_help().rstrip()}\n```\n"
    yield "Exit codes: 0 fine, 1 a negative verdict, 2 wrong usage or configuration.\n"


def metrics() -> Iterator[str]:
    yield "# Metrics\n\nAt `/metrics` on the port of the pages, in Prometheus' text format.\n"
    yield "## perfd itself\n\n| name | type | what it is |\n|---|---|---|"
    for name, declared in METRICS.items():
        shown = f"{name}_total" if declared.kind == COUNTER else name
        yield f"| `{shown}` | {declared.kind} | {declared.description} |"
    yield "\n## Resources of this machine\n\n| name | type | what it is |\n|---|---|---|"
    for exported in RESOURCES:
        yield f"| `{exported.name}` | {exported.kind} | {exported.help} |"
    yield ""


def api() -> Iterator[str]:
    document = describe(ENDPOINTS)
    yield "# HTTP API\n\nDescribed for programs at `/api/v1/openapi.json`. "
    yield 'Lists are `{"tickets": [...], "cursor": null}`, errors '
    yield '`{"error": {"code", "message"}}`; times are RFC 3339 UTC with milliseconds.\n'
    yield "| method | path | what it does |\n|---|---|---|"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield f"| {method.upper()} | `{path}` | {operation['summary']} |"
    yield ""


def scenarios() -> Iterator[str]:
    yield "# Scenarios\n\nWhat happens to real services, on the whole daemon in virtual time"
    yield "(`tests/scenarios/`), and the outcome that one would want.\n"
    yield "| group | scenario | outcome |\n|---|---|---|"
    for path in sorted((ROOT / "tests" / "scenarios").glob("test_*.py")):
        group = path.stem.removeprefix("test_").replace("_", " ")
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                name = node.name.removeprefix("test_").replace("_", " ")
                outcome = (ast.get_docstring(node) or "").partition("\n")[0]
                assert outcome.endswith("."), (
                    f"{path.name}: {name} does not say what one would want"
                )
                yield f"| {group} | {name} | {outcome} |"
    yield ""


DOCUMENTS = {
    "docs/commands.md": commands,
    "docs/metrics.md": metrics,
    "docs/api.md": api,
    "docs/scenarios.md": scenarios,
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_says_what_the_code_says(name: str) -> None:
    text = f"{MADE}\n" + "\n".join(DOCUMENTS[name]())
    if os.environ.get("UPDATE_DOCS"):
        (ROOT / name).write_text(text)
    assert (ROOT / name).read_text() == text


def test_files_that_a_document_names_exist() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    named = {
        (page.name, path)
        for page in pages
        for path in re.findall(
            r"`((?:perfd|tests|config|deploy|grafana|docs)/[\w./-]+)`", page.read_text()
        )
    }
    assert {(page, path) for page, path in named if not (ROOT / path).exists()} == set()


def test_the_architecture_stays_short() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= 150
