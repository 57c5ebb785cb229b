"""A shop whose pricing got slower with 1.1.0, in a real store, with the evidence of its ticket."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from perfd.clock import ManualClock
from perfd.errors import Conflict, NotFound
from perfd.interfaces import Status
from perfd.model.batch import JUDGEMENT, Batch, Document
from perfd.model.deploy import Deploy
from perfd.model.evidence import (
    CallRow,
    Change,
    Evidence,
    FlameNode,
    Hotspot,
    MetricRow,
    Rule,
    TimelinePoint,
    Track,
)
from perfd.model.exemplar import ERROR, RANDOM, SLOWEST, Exemplar, SpanRecord
from perfd.model.finding import CONFIRMED, REGRESSED, Check, Effect, Estimate, Finding
from perfd.model.histogram import Histogram
from perfd.model.identity import fingerprint, ticket_id
from perfd.model.judgement import JUDGED, WAITING, Judgement
from perfd.model.series import CPU_TIME, MEMORY, REQUESTS, Series
from perfd.model.ticket import (
    Entry,
    ExemplarRef,
    Impact,
    Reference,
    State,
    Suspect,
    Ticket,
    Verification,
)
from perfd.model.window import Gauge, Window
from perfd.store.memory import MemoryStore
from perfd.store.settings import StoreSettings
from perfd.tickets.codec import document, encode
from perfd.web.access import Access
from perfd.web.app import build
from perfd.web.context import Context
from perfd.web.settings import WebSettings
from perfd.web.totals import ServiceTotals
from tests.fakes import CountingMeter

NOW = 1_789_999_980.0  # a full minute
MINUTE = 60.0
DEPLOYED = NOW - 31 * MINUTE


@dataclass
class BoardOfTwo:
    """A board that says what it is told to."""

    ready: bool = True
    parts: list[Status] = field(default_factory=list)

    def statuses(self) -> Sequence[Status]:
        return self.parts


class NothingLive:
    """Everything is in the store already."""

    def windows(self, name: str, labels: Mapping[str, str]) -> Sequence[Window]:
        return []


class DeskOfStore:
    """Applies the simplest meaning of each action, so that a page shows that something was done."""

    def __init__(self, store: MemoryStore, clock: ManualClock) -> None:
        self._store, self._clock = store, clock
        self.asked: list[tuple[str, str, str, dict[str, Any]]] = []

    async def act(self, ticket_id: str, action: str, *, actor: str, **details: Any) -> Ticket:
        from perfd.tickets.codec import decode

        self.asked.append((ticket_id, action, actor, details))
        known = self._store.document("ticket", ticket_id)
        if known is None:
            raise NotFound(f"There is no ticket {ticket_id!r}.")
        ticket = decode(Ticket, known.body)
        if action == "unmute" and ticket.state is not State.MUTED:
            raise Conflict("The ticket is not muted.")
        now = self._clock.now()
        states = {"mute": State.MUTED, "close": State.CLOSED, "reopen": State.OPEN}
        state = states.get(action, ticket.state)
        entry = Entry(now, action, state, str(details.get("text", "")), actor)
        seen = now if action == "ack" else ticket.acknowledged_at
        ticket = replace(
            ticket, state=state, acknowledged_at=seen, history=(*ticket.history, entry)
        )
        put(self._store, ticket, ticket.id, ticket.opened_at)
        return ticket

    async def deploy(self, deploy: Deploy) -> Deploy:
        put(self._store, deploy, deploy.id, deploy.at)
        return deploy


@dataclass
class World:
    """Everything a page reads."""

    store: MemoryStore
    clock: ManualClock
    context: Context
    desk: DeskOfStore
    meter: CountingMeter

    def app(self, extra_routes: Sequence[web.RouteDef] = ()) -> web.Application:
        return build(self.context, extra_routes)


def empty_world(access: Access | None = None, **context: Any) -> World:
    """perfd that has seen nothing."""
    clock = ManualClock(NOW)
    meter = CountingMeter()
    store = MemoryStore(StoreSettings(), pace=1.0, meter=meter)
    desk = DeskOfStore(store, clock)
    since = NOW - 7200
    board = BoardOfTwo(
        parts=[
            Status("store", "ok", since, essential=True),
            Status("web", "ok", since),
            Status(
                "py-spy",
                "degraded",
                since,
                "ptrace is not permitted: kernel.yama.ptrace_scope is 1",
            ),
        ]
    )
    made = Context(
        store=store,
        desk=desk,
        live=NothingLive(),
        board=board,
        access=access or Access(loopback=True),
        clock=clock,
        meter=meter,
        totals=ServiceTotals(),
        render_metrics=lambda: (b"", ""),
        settings=WebSettings(code_url="https://code.example/{service}/{version}/{file}#L{line}"),
        base_url="http://127.0.0.1:4040",
        endpoints={"otlp_http": "http://127.0.0.1:4318", "pyroscope": "http://127.0.0.1:4040"},
        **context,
    )
    return World(store, clock, made, desk, meter)


def shop(seed: int = 1, **context: Any) -> World:
    """The shop: an hour and a half of traffic, a deploy 31 minutes ago, one open ticket."""
    world = empty_world(**context)
    rng = random.Random(seed)
    batch = Batch(windows=tuple(traffic(rng)), gauges=tuple(resources(rng)))
    world.store.append(batch)
    world.context.totals.add(batch)
    for record, name, at in documents(rng):
        put(world.store, record, name, at)
    waiting = Judgement(
        DEPLOYS[1].id, "storefront", "prod", "2.4.1", "2.4.0", NOW - 720, WAITING,
        "half an hour of the new version is needed", NOW + 1080, progress=720, needed=1800,
    )  # fmt: skip
    judged = Judgement(
        DEPLOYS[0].id, "pricing", "prod", "1.1.0", "1.0.0", DEPLOYED, JUDGED, "", NOW + 80_000,
        NOW - 60, 1, 1800, 1800, 3, 1,
    )  # fmt: skip
    for judgement in (waiting, judged):
        world.store.put(
            [
                Document(
                    JUDGEMENT,
                    judgement.deploy_id,
                    world.store.next_revision(),
                    judgement.deployed_at,
                    encode(judgement),
                )
            ]
        )
    return world


def put(store: MemoryStore, record: Any, id: str, at: float) -> None:
    """Write one of the model's records."""
    store.put([document(record, id, store.next_revision(), at)])


# --- traffic --------------------------------------------------------------------------------------

_OPERATIONS = {
    ("storefront", "GET /"): (14.0, 0.021),
    ("storefront", "POST /checkout"): (2.2, 0.085),
    ("pricing", "POST /quote"): (12.0, 0.017),
    ("pricing", "GET /rules"): (0.4, 0.004),
    ("inventory", "GET /stock/{sku}"): (30.0, 0.0042),
}


def traffic(rng: random.Random, minutes: int = 88) -> list[Window]:
    windows = []
    for (service, operation), (per_second, median) in _OPERATIONS.items():
        for minute in range(minutes, 0, -1):
            start = NOW - minute * MINUTE
            version = _version(service, start)
            slow = 1.76 if version == "1.1.0" and operation == "POST /quote" else 1.0
            count = round(per_second * MINUTE * rng.uniform(0.9, 1.1))
            windows += _minute(rng, service, operation, version, start, count, median * slow)
    return windows


def _version(service: str, start: float) -> str:
    if service == "pricing":
        return "1.1.0" if start >= DEPLOYED else "1.0.0"
    if service == "storefront":
        return "2.4.1" if start >= NOW - 720 else "2.4.0"
    return "1.0.0"


def _minute(
    rng: random.Random, service: str, operation: str, version: str, start: float, count: int,
    median: float,
) -> list[Window]:  # fmt: skip
    def window(status: str, values: list[float]) -> Window:
        series = Series.of(
            REQUESTS, service=service, version=version, environment="prod", operation=operation,
            status=status, phase="steady",
        )  # fmt: skip
        errors = len(values) if status == "5xx" else 0
        return Window(series, start, MINUTE, len(values), errors, Histogram.of(values))

    failed = sum(rng.random() < 0.03 for _ in range(count // 50))
    shown = min(count, 60)
    fine = [median * math.exp(rng.gauss(0, 0.52)) for _ in range(shown)]
    windows = [replace(window("2xx", fine), count=count - failed)]
    return [*windows, window("5xx", [median] * failed)] if failed else windows


def resources(rng: random.Random) -> list[Gauge]:
    gauges = []
    for minute in range(60, 0, -1):
        start = NOW - minute * MINUTE
        for service, cores, memory in (
            ("perfd", 0.012, 62e6), ("pricing", 0.34, 91e6), ("storefront", 0.2, 84e6),
        ):  # fmt: skip
            if service == "pricing" and start >= DEPLOYED:
                cores = 0.65  # noqa: PLW2901
            labels = {"service": service, "version": "1", "environment": "prod", "instance": "a"}
            cpu = Series.of(CPU_TIME, phase="steady", **labels)
            spent = cores * MINUTE * rng.uniform(0.9, 1.1)
            gauges.append(Gauge.single(cpu, start, MINUTE, spent))
            gauges.append(Gauge.single(Series.of(MEMORY, **labels), start, MINUTE, memory))
        for name, value in (
            ("host.cpu.utilization", rng.uniform(0.2, 0.3)), ("host.load.1m", 0.8),
            ("host.memory.used", 3.1e9), ("host.memory.available", 4.9e9),
            ("host.disk.read", 2e5 * rng.random()), ("host.disk.write", 9e6 * rng.random()),
            ("host.network.receive", 3e6), ("host.network.transmit", 4e6),
        ):  # fmt: skip
            gauges.append(Gauge.single(Series.of(name, host="build-7"), start, MINUTE, value))
    return gauges


# --- the ticket -----------------------------------------------------------------------------------

DEPLOYS = (
    Deploy(
        "pricing", "prod", "1.1.0", "1.0.0", DEPLOYED, "traffic", "a41c9e02d7",
        "https://ci.example/pricing/118", "price rules per quote",
    ),
    Deploy("storefront", "prod", "2.4.1", "2.4.0", NOW - 720, "announced"),
)  # fmt: skip
MARK = fingerprint("latency", "pricing", "prod", "POST /quote")
ID = ticket_id(MARK)
RULE = Rule(
    "latency.p95", "s", 0.0389, 0.0441, 1800.0, 300, 1.05,
    "p95 of POST /quote is inside 39 … 44 ms over 30 min and 300 requests of a later deploy, with "
    "no other operation of pricing worse by 5 %.",
)  # fmt: skip
CHECKS = (
    Check("traffic_mix", True, "the share of each operation is as before", {"distance": 0.013}),
    Check("single_instance", True, "all 4 instances are alike", {"instances": 4, "spread": 0.03}),
    Check("cold_start", True, "the first 20 s and 50 requests of each instance are left out", {}),
    Check("throttling", True, "no container was throttled", {"periods": 0}),
    Check(
        "neighbours", True, "the host's CPU is as busy as before", {"before": 0.24, "after": 0.26}
    ),
    Check("last_third", True, "the effect persists in the last third", {"ratio": 1.74}),
)


def _estimate(value: float, half: float, count: int, *, after: bool) -> Estimate:
    start, end = (DEPLOYED, NOW - 60) if after else (DEPLOYED - 3600, DEPLOYED)
    version = "1.1.0" if after else "1.0.0"
    return Estimate(value, (value - half, value + half), count, start, end, version)


def _row(
    metric: str, unit: str, before: tuple[float, float], after: tuple[float, float],
    ci: tuple[float, float] | None, *, decisive: bool = False, mde: float | None = None,
) -> MetricRow:  # fmt: skip
    ratio = after[0] / before[0] if before[0] else None
    return MetricRow(
        metric, unit,
        _estimate(*before, 42_912, after=False), _estimate(*after, 21_604, after=True),
        Effect(ratio, ci, after[0] - before[0]), ci is not None, decisive, mde,
    )  # fmt: skip


ROWS = (
    _row("latency.p50", "s", (0.0170, 0.0002), (0.0291, 0.0004), (1.66, 1.75)),
    _row("latency.p95", "s", (0.0408, 0.0009), (0.0719, 0.0024), (1.69, 1.83), decisive=True),
    _row("latency.mean", "s", (0.0195, 0.0003), (0.0337, 0.0006), (1.68, 1.77)),
    _row("cpu_per_request", "s", (0.0061, 0.0002), (0.0118, 0.0003), (1.87, 2.0)),
    _row("error_rate", "ratio", (0.0006, 0.0002), (0.0006, 0.0003), None, mde=1.9),
)


def _hotspot(
    function: str, file: str, line: int, shares: tuple[float, float], ms: tuple[float, float],
    status: str = "changed", application: bool = True,
) -> Hotspot:  # fmt: skip
    def change(before: float, after: float, half: float) -> Change:
        delta = after - before
        return Change(before, after, delta, (delta - half, delta + half))

    before, after = shares
    return Hotspot(
        function, file, line, "process_cpu:cpu", status,
        change(before, after, 0.02), change(before + 0.03, after + 0.05, 0.02),
        change(ms[0] / 1000, ms[1] / 1000, 0.0004), round(before * 12_000), round(after * 9_000),
        application,
    )  # fmt: skip


HOTSPOTS = (
    _hotspot("apply_rules", "shop/pricing.py", 48, (0.03, 0.31), (0.2, 3.7)),
    _hotspot("price_of", "shop/pricing.py", 71, (0.0, 0.09), (0.0, 1.06), "new"),
    _hotspot("cursor.execute", "sqlite3", 0, (0.05, 0.11), (0.3, 1.3), application=False),
    _hotspot("cached_rules", "shop/pricing.py", 33, (0.04, 0.0), (0.24, 0.0), "vanished"),
)
CALLS = (
    CallRow("SELECT price FROM rule", "client", 1.0, 29.0, 0.0004, 0.0081),
    CallRow("GET /stock/{sku}", "client", 3.0, 3.0, 0.0126, 0.0127),
)


def flame(rng: random.Random, most: int = 400) -> tuple[FlameNode, ...]:
    """A tree with a hot path that grew, and one that vanished."""
    nodes = [FlameNode(-1, "all", "", 0.0, 0.0)]
    for name in ("run", "_run_once", "handle_request", "quote"):
        nodes.append(FlameNode(len(nodes) - 1, name, "asyncio/events.py", 0.0001, 0.0001))
    quote = len(nodes) - 1
    nodes.append(FlameNode(quote, "apply_rules", "shop/pricing.py", 0.0002, 0.0037, True))
    nodes.append(FlameNode(quote + 1, "price_of", "shop/pricing.py", 0.0, 0.00106, True))
    nodes.append(FlameNode(quote + 2, "cursor.execute", "sqlite3", 0.0, 0.001, True))
    nodes.append(FlameNode(quote, "cached_rules", "shop/pricing.py", 0.00024, 0.0, True))
    nodes.append(FlameNode(quote, "json.dumps", "json/encoder.py", 0.0008, 0.0007, True))
    while len(nodes) < most:
        parent = rng.randrange(max(0, len(nodes) - 60), len(nodes))
        parent = quote if nodes[parent].function == "cached_rules" else parent
        cost = 0.002 * rng.random() ** 6
        name = rng.choice(["parse", "read", "encode", "route", "span.end", "lookup", "next"])
        file = f"lib/{name}.py"
        nodes.append(FlameNode(parent, f"{name}_{len(nodes)}", file, cost, cost * 1.02))
    return tuple(nodes)


def timeline(rng: random.Random) -> tuple[TimelinePoint, ...]:
    points = []
    for minute in range(88, 0, -1):
        at = NOW - minute * MINUTE
        slow = 1.76 if at >= DEPLOYED else 1.0
        version = "1.1.0" if at >= DEPLOYED else "1.0.0"
        wobble = rng.uniform(0.95, 1.05)
        points.append(
            TimelinePoint(
                at, MINUTE, version, round(720 * rng.uniform(0.95, 1.05)), rng.choice([0, 0, 1]),
                0.0195 * slow * wobble, 0.017 * slow * wobble, 0.0408 * slow * wobble,
            )
        )  # fmt: skip
    return tuple(points)


def exemplar(
    rng: random.Random, reason: str, duration: float, queries: int, start: float
) -> Exemplar:
    """A quote: stock is asked, then so many queries run one after the other."""
    spans = [
        SpanRecord(
            "r", "", "pricing", "POST /quote", "server", start, duration, reason == ERROR, "/quote"
        ),
        SpanRecord("s", "r", "pricing", "GET /stock/{sku}", "client", start + 0.001, 0.006),
        SpanRecord("t", "s", "inventory", "GET /stock/{sku}", "server", start + 0.002, 0.004),
    ]
    each = (duration - 0.012) / max(queries, 1)
    spans += [
        SpanRecord(
            f"q{i}", "r", "pricing", "SELECT rule", "client", start + 0.009 + i * each, each * 0.7,
            detail="SELECT price FROM rule WHERE id = ?",
        )
        for i in range(queries)
    ]  # fmt: skip
    trace = f"{rng.getrandbits(128):032x}"
    return Exemplar(reason, duration, trace, "r", start, duration, reason == ERROR, tuple(spans))


def evidence(rng: random.Random, finding_id: str, frames: int = 400) -> Evidence:
    def spread(median: float, count: int) -> Histogram:
        return Histogram.of(median * math.exp(rng.gauss(0, 0.52)) for _ in range(count))

    def track(name: str, unit: str, subject: str, before: float, after: float) -> Track:
        points = tuple(
            (at, (after if at >= DEPLOYED else before) * rng.uniform(0.94, 1.06))
            for at in (NOW - m * MINUTE for m in range(88, 0, -1))
        )
        return Track(name, unit, subject, points)

    return Evidence(
        finding_id=finding_id,
        rows=ROWS,
        histogram_before=spread(0.0170, 3000),
        histogram_after=spread(0.0299, 2000),
        timeline=timeline(rng),
        hotspots=HOTSPOTS,
        flame=flame(rng, frames),
        calls=CALLS,
        exemplars_before=(
            exemplar(rng, SLOWEST, 0.061, 1, DEPLOYED - 900),
            exemplar(rng, RANDOM, 0.018, 1, DEPLOYED - 300),
        ),
        exemplars_after=(
            exemplar(rng, SLOWEST, 0.110, 29, DEPLOYED + 600),
            exemplar(rng, RANDOM, 0.031, 29, DEPLOYED + 1200),
            exemplar(rng, ERROR, 0.024, 7, DEPLOYED + 1300),
        ),
        resources=(
            track("CPU of the processes", "ratio", "pricing 1", 0.34, 0.61),
            track("CPU busy, all cores", "ratio", "build-7", 0.24, 0.26),
            track("memory of the processes", "B", "pricing 1", 91e6, 94e6),
            track("memory used", "B", "build-7", 3.1e9, 3.1e9),
        ),
        checks=CHECKS,
        rule=RULE,
        profile_coverage_before=0.93,
        profile_coverage_after=0.94,
    )


def finding(**changes: Any) -> Finding:
    """The one behind the ticket, or one like it."""
    row = ROWS[1]
    series = Series.of(REQUESTS, service="pricing", environment="prod", operation="POST /quote")
    return replace(
        Finding(
            "regression", "deploy", CONFIRMED, series, "pricing", "prod", "POST /quote",
            "latency.p95", "s", DEPLOYED, (DEPLOYED - 5, DEPLOYED + 5), NOW - 60,
            row.before, row.after, row.effect, 1e-19, True, "", False, "1.1.0", "1.0.0", CHECKS,
        ),
        **changes,
    )  # fmt: skip


def ticket(finding_id: str, **changes: Any) -> Ticket:
    row = ROWS[1]
    made = Ticket(
        id=ID,
        fingerprint=MARK,
        state=State.OPEN,
        kind="regression",
        trigger="deploy",
        provisional=True,
        service="pricing",
        environment="prod",
        operation="POST /quote",
        metric="latency.p95",
        unit="s",
        before=row.before,
        after=row.after,
        effect=row.effect,
        change_at=DEPLOYED,
        change_ci=(DEPLOYED - 5, DEPLOYED + 5),
        suspects=(
            Suspect(
                "deploy", "1.1.0", "1.0.0", 0.97, "a41c9e02d7", "https://ci.example/pricing/118"
            ),
        ),
        hotspots=HOTSPOTS,
        exemplars=(
            ExemplarRef("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", 0.11, "after"),
        ),
        ruled_out=CHECKS,
        opened_at=NOW - 60,
        last_seen=NOW - 60,
        verification=Verification(rule=RULE),
        references=(Reference("github", "https://github.example/shop/pricing/issues/41"),),
        finding_ids=(finding_id,),
        history=(
            Entry(NOW - 61, "found", State.PENDING, "p95 +76 % with 1.1.0"),
            Entry(NOW - 60, "opened", State.OPEN, "confirmed by a second sample"),
        ),
        impact=Impact(43_200.0, 0.97, 613.0, 246.0),
    )
    return replace(made, **changes)


def documents(rng: random.Random, frames: int = 400) -> list[tuple[Any, str, float]]:
    found = finding()
    small = finding(
        operation="GET /rules", metric="latency.mean", opened=False, status=REGRESSED,
        reason="+2.1 % is under the floor of 10 % for a provisional judgement",
        effect=Effect(1.021, (1.004, 1.038), 0.0001), found_at=NOW - 70,
        before=_estimate(0.0041, 0.0001, 1440, after=False),
        after=_estimate(0.0042, 0.0001, 720, after=True),
        series=Series.of(REQUESTS, service="pricing", environment="prod", operation="GET /rules"),
    )  # fmt: skip
    opened = ticket(found.id)
    return [
        (found, found.id, found.found_at),
        (small, small.id, small.found_at),
        (evidence(rng, found.id, frames), found.id, found.found_at),
        (opened, opened.id, opened.opened_at),
        *((deploy, deploy.id, deploy.at) for deploy in DEPLOYS),
    ]
