"""Builds the dashboards: `python grafana/build.py` writes grafana/dashboards/*.json.

The JSON is committed; a test builds it again and compares. Schema v1, which Grafana 10 to 13 load.
Needs grafana-foundation-sdk, which only development installs.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from grafana_foundation_sdk.builders import common, dashboard, prometheus, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as commons
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import prometheus as prometheus_model

FOLDER = Path(__file__).parent / "dashboards"
SOURCE = commons.DataSourceRef(type_val="prometheus", uid="${datasource}")

OF_SERVICE = 'service="$service", environment=~"$environment"'
OF_OPERATION = f'{OF_SERVICE}, operation=~"$operation"'
REQUESTS = f"rate(perfd_service_requests_total{{{OF_OPERATION}}}[$__rate_interval])"
ERRORS = f"rate(perfd_service_errors_total{{{OF_OPERATION}}}[$__rate_interval])"
DURATION = (
    f"rate(perfd_service_request_duration_seconds_bucket{{{OF_OPERATION}}}[$__rate_interval])"
)
CPU = f"rate(perfd_service_cpu_seconds_total{{{OF_SERVICE}}}[$__rate_interval])"
ALL_REQUESTS = f"rate(perfd_service_requests_total{{{OF_SERVICE}}}[$__rate_interval])"

# Labels of perfd_ticket_info and of the scrape that are no column of the table.
HIDDEN = ("Time", "Value", "__name__", "instance", "job", "url", "environment", "service")

Panel = timeseries.Panel | table.Panel
Variable = dashboard.DatasourceVariable | dashboard.QueryVariable | dashboard.TextBoxVariable
Queries = Mapping[str, str]  # legend -> PromQL


def service_dashboard() -> dashboard.Dashboard:
    """One service: rate, errors, duration, resources, its deploys, regressions and tickets."""
    board = (
        dashboard.Dashboard("perfd service")
        .uid("perfd-service")
        .description("A service as perfd sees it, with its deploys, regressions and tickets.")
        .tags(["perfd"])
        .editable()
        .time("now-6h", "now")
        .refresh("30s")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("Open in perfd")
            .type(model.DashboardLinkType.LINK)
            .url("${perfd_url}/services/${service:percentencode}")
            .icon("external link")
            .target_blank(True)
        )
    )
    for variable in _variables():
        board.with_variable(variable)
    for annotation in _annotations():
        board.annotation(annotation)
    number = 0
    for title, panels in _rows():
        number += 1
        board.with_row(dashboard.Row(title).id(number))
        for panel in panels:
            number += 1
            board.with_panel(panel.id(number))
    return board


def _variables() -> list[Variable]:
    requests = "perfd_service_requests_total"
    return [
        dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"),
        _any_of(_of_label("environment", requests)),
        _of_label("service", f'{requests}{{environment=~"$environment"}}'),
        _any_of(_of_label("operation", f"{requests}{{{OF_SERVICE}}}")),
        dashboard.TextBoxVariable("perfd_url")
        .label("perfd")
        .default_value("http://localhost:4040"),
    ]


def _any_of(variable: dashboard.QueryVariable) -> dashboard.QueryVariable:
    return variable.multi(True).include_all(True).all_value(".*")


def _of_label(label: str, series: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(label)
        .label(label.capitalize())
        .datasource(SOURCE)
        .query(f"label_values({series}, {label})")
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )


def _annotations() -> list[dashboard.AnnotationQuery]:
    """Markers; their time is the value of the series, in milliseconds as Grafana wants it."""
    return [
        _marker("Deploys", "blue", f"perfd_deploy_timestamp_seconds{{{OF_SERVICE}}} * 1000")
        .title_format("{{service}} {{version}}")
        .text_format("This version began to take traffic.")
        .tag_keys("version,environment"),
        _marker(
            "Regressions",
            "red",
            'perfd_regression_detected_timestamp_seconds{service="$service"} * 1000',
        )
        .title_format("{{ticket}}")
        .text_format("perfd found a regression of {{service}}.")
        .tag_keys("ticket"),
    ]


def _marker(name: str, color: str, expr: str) -> dashboard.AnnotationQuery:
    return (
        dashboard.AnnotationQuery()
        .name(name)
        .datasource(SOURCE)
        .enable(True)
        .icon_color(color)
        .expr(expr)
        .step("60s")
        .use_value_for_time(True)
    )


def _rows() -> list[tuple[str, list[Panel]]]:
    return [
        ("Rate, errors, duration", [_rate(), _errors(), _duration()]),
        ("Versions", [_traffic_by_version(), _p95_by_version()]),
        ("Resources", [_cpu(), _cpu_per_request(), _memory(), _host_cpu(), _host_memory()]),
        ("Tickets", [_tickets()]),
    ]


def _rate() -> Panel:
    return _lines(
        "Requests",
        "Requests per second by operation.",
        "reqps",
        {"{{operation}}": f"sum by (operation) ({REQUESTS})"},
    )


def _errors() -> Panel:
    return (
        _lines(
            "Errors",
            "Failed requests as a share of all.",
            "percentunit",
            {"{{operation}}": f"sum by (operation) ({ERRORS}) / sum by (operation) ({REQUESTS})"},
        )
        .max(1)
        .axis_soft_max(0.01)
    )


def _duration() -> Panel:
    return _lines(
        "Duration",
        "How long requests take: the median, and what the slowest 5 % and 1 % take at least.",
        "s",
        {
            f"p{round(q * 100)}": f"histogram_quantile({q}, sum by (le) ({DURATION}))"
            for q in (0.5, 0.95, 0.99)
        },
    )


def _traffic_by_version() -> Panel:
    return (
        _lines(
            "Traffic by version",
            "Which versions answer. perfd judges a deploy by them and not by the clock.",
            "reqps",
            {"{{version}}": f"sum by (version) ({REQUESTS})"},
            width=12,
        )
        .fill_opacity(30)
        .stacking(common.StackingConfig().mode(commons.StackingMode.NORMAL))
    )


def _p95_by_version() -> Panel:
    return _lines(
        "p95 by version",
        "The slowest 5 % of requests take this long or longer, old and new version side by side.",
        "s",
        {"{{version}}": f"histogram_quantile(0.95, sum by (le, version) ({DURATION}))"},
        width=12,
    )


def _cpu() -> Panel:
    return _lines(
        "CPU",
        "Cores that the service's processes keep busy.",
        "none",
        {"{{version}}": f"sum by (version) ({CPU})"},
    ).axis_label("cores")


def _cpu_per_request() -> Panel:
    return _lines(
        "CPU per request",
        "CPU time of the processes over all requests that they answered.",
        "s",
        {"CPU per request": f"sum({CPU}) / sum({ALL_REQUESTS})"},
    )


def _memory() -> Panel:
    return _lines(
        "Memory",
        "Resident memory of the service's processes.",
        "bytes",
        {"{{version}}": f"sum by (version) (perfd_service_memory_bytes{{{OF_SERVICE}}})"},
    )


def _host_cpu() -> Panel:
    return _lines(
        "Host CPU",
        "Busy share of all cores of the hosts that perfd runs on.",
        "percentunit",
        {"{{host}}": "perfd_host_cpu_utilization_ratio"},
        width=12,
    ).max(1)


def _host_memory() -> Panel:
    return _lines(
        "Host memory",
        "Memory in use on the hosts that perfd runs on.",
        "bytes",
        {"{{host}}": "perfd_host_memory_used_bytes"},
        width=12,
    )


def _tickets() -> Panel:
    """The ticket's id leads to its evidence."""
    link = {"title": "Evidence", "url": "${__data.fields.url}", "targetBlank": True}
    hidden = dict.fromkeys(HIDDEN, True)
    return (
        table.Panel()
        .title("Tickets")
        .description("What perfd follows for this service, and what it has closed lately.")
        .datasource(SOURCE)
        .height(8)
        .span(24)
        .unit("none")
        .with_target(
            prometheus.Dataquery()
            .expr(f"perfd_ticket_info{{{OF_SERVICE}}}")
            .instant()
            .format(prometheus_model.PromQueryFormat.TABLE)
            .ref_id("A")
        )
        .with_transformation(
            model.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": hidden,
                    "indexByName": {"id": 0, "state": 1, "kind": 2, "operation": 3},
                    "renameByName": {},
                },
            )
        )
        .override_by_name("id", [model.DynamicConfigValue("links", [link])])
    )


def _lines(
    title: str, description: str, unit: str, queries: Queries, width: int = 8
) -> timeseries.Panel:
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .height(8)
        .span(width)
        .line_width(1)
        .show_points(commons.VisibilityMode.NEVER)
        .tooltip(common.VizTooltipOptions().mode(commons.TooltipDisplayMode.MULTI))
    )
    for number, (legend, expr) in enumerate(queries.items()):
        panel.with_target(
            prometheus.Dataquery().expr(expr).legend_format(legend).ref_id(chr(ord("A") + number))
        )
    return panel


def rendered(board: dashboard.Dashboard) -> str:
    """The JSON as it is committed."""
    return JSONEncoder(sort_keys=True, indent=2).encode(board.build()) + "\n"


BOARDS = {"perfd-service.json": service_dashboard}


def main() -> int:
    """Write every dashboard."""
    FOLDER.mkdir(exist_ok=True)
    for name, build in BOARDS.items():
        (FOLDER / name).write_text(rendered(build()), encoding="utf-8")
        print(FOLDER / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
