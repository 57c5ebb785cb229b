import importlib.util
import itertools
import json
import re
from pathlib import Path
from types import ModuleType

import promql_parser
import pytest
import yaml

from perfd.web.pages import routes
from tests.grafana.boards import FILES, GRAFANA, board, filled, panels, queries, variables

VALUES = {"service": "pricing", "environment": "prod", "operation": ".*"}

pytestmark = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("grafana_build", GRAFANA / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_file_is_what_the_program_builds(file: Path, build: ModuleType) -> None:
    assert build.rendered(build.BOARDS[file.name]()) == file.read_text()
    assert {built.name for built in FILES} == set(build.BOARDS)


def test_every_panel_says_what_it_shows(file: Path) -> None:
    for panel in panels(board(file)):
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]


def test_ids_are_unique(file: Path) -> None:
    ids = [panel["id"] for panel in board(file)["panels"]]
    assert len(set(ids)) == len(ids)
    assert 0 not in ids
    assert board(file)["uid"] == file.stem


def test_panels_fit_the_grid_and_do_not_overlap(file: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board(file)["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = set(
            itertools.product(
                range(place["x"], place["x"] + place["w"]),
                range(place["y"], place["y"] + place["h"]),
            )
        )
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_data_source_can_be_chosen(file: Path) -> None:
    found = re.findall(r'"uid": "([^"]*)"', file.read_text())
    assert set(found) == {"${datasource}", file.stem}
    assert variables(board(file))["datasource"]["type"] == "datasource"


def test_variables_that_are_used_are_there(file: Path) -> None:
    used = set(re.findall(r"\$\{?([a-z]\w*)", file.read_text()))
    assert used == set(variables(board(file)))


def test_every_query_is_promql(file: Path) -> None:
    for title, query in queries(board(file)):
        assert promql_parser.parse(filled(query, VALUES)), title


def test_every_rate_is_over_grafanas_own_interval(file: Path) -> None:
    for title, query in queries(board(file)):
        assert set(re.findall(r"\[([^]]*)\]", query)) <= {"$__rate_interval"}, title
        assert ("_total" in query or "_bucket" in query) == ("rate(" in query), title


def test_markers_are_at_their_value_in_milliseconds(file: Path) -> None:
    for annotation in board(file)["annotations"]["list"]:
        assert annotation["useValueForTime"] is True
        assert annotation["expr"].endswith("* 1000")


def test_links_lead_to_pages_of_perfd(file: Path) -> None:
    pages = {re.sub(r":[^}]+", "", route.path) for route in routes()}
    for link in board(file)["links"]:
        path = link["url"].removeprefix("${perfd_url}")
        assert re.sub(r"\$\{(\w+):percentencode\}", r"{\1}", path) in pages


def test_it_is_provisioned(file: Path) -> None:
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/perfd.yaml").read_text())[
        "providers"
    ]
    compose = yaml.safe_load((GRAFANA.parent / "deploy/compose/compose.yaml").read_text())
    mounted = [mount.split(":")[:2] for mount in compose["services"]["grafana"]["volumes"]]
    assert ["../../grafana/dashboards", provider["options"]["path"]] in mounted
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/perfd.yaml").read_text())[
        "datasources"
    ]
    assert source["url"] == "http://prometheus:9090"
    assert source["type"] == "prometheus"
    assert json.loads(file.read_text())["title"].startswith("perfd")
