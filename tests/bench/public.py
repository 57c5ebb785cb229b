"""Public series: whole histories beside the peers, and what the scan finds, as a person labels it.

    python -m tests.bench.public --data DIR [--out DIR] [--only cuts|found|null]

DIR holds `tcpd` (the series and annotations.json of the Turing Change Point Dataset) and `cloudmon`
(Microsoft's Cloud Monitoring Dataset), `perfherder` and `otava` where there are; none of it is part
of perfd. `make peers` first. The labels are tests/bench/public_labels.toml; `--out` gets contact
sheets, in which they can be checked. Exits 1 when a goal is missed or the control is none.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.bench import public_cuts
from tests.bench.detection_corpus import composition, corpus
from tests.bench.detection_score import between
from tests.bench.histories import EVALUATION, histories
from tests.bench.peers import NoPeers, change_points
from tests.bench.public_found import Found, account, findings, labels, walked
from tests.bench.public_pictures import panels, sheets
from tests.bench.public_series import Public, cloudmon, perfherder
from tests.bench.tcpd import annotated

CLEAR, HIT = 0.75, 0.90  # the goals
WEEKS = 4
MOST_WRONG = 4e-4  # a series-week


def cuts(data: Path) -> bool:
    """The table of whole histories; whether perfd is ahead."""
    series = annotated(data / "tcpd")
    print(f"TCPD, {len(series)} series{'':<30} {'F1':>6} {'covering':>8} {'cuts':>6}")
    scored = []
    for score in public_cuts.scores(series):
        scored.append(score)
        print(score.line, flush=True)
    print(*public_cuts.ahead(scored), sep="\n")
    print("synthetic histories (tests/bench/histories.py, seeds of evaluation)")
    for score in public_cuts.untuned(histories(100, EVALUATION)):
        print(score.line, flush=True)
    for line in _uncounted(data):
        print(line, flush=True)
    return public_cuts.beaten(scored)


def _uncounted(data: Path) -> Iterator[str]:
    """Series without labels: only how many changes each one says."""
    series = dict(perfherder(data / "perfherder"))
    tigers = data / "otava" / "tigerbeetle.json"
    if tigers.exists():
        series["tigerbeetle"] = [float(value) for value in json.loads(tigers.read_text("utf-8"))]
    if series:
        yield "no labels, changes said by " + ", ".join(["perfd", *public_cuts.DEFAULTS])
    for name, values in series.items():
        told = public_cuts.said(values)
        yield f"{name:<16} {len(values):5d} runs  " + " ".join(f"{number:5d}" for number in told)


def found(data: Path, out: Path | None) -> bool:
    """What the scan finds in the cloud's series; whether both goals are reached."""
    series = cloudmon(data / "cloudmon")
    told = labels(series)
    seen = findings(series, told)
    result = account(seen, told)
    windows = sum(len(one.windows) for one in series)
    print(f"cloudmon: {len(series)} series, {windows} windows of 14 days")
    for one in seen:
        print(f"  {one.line}")
    for label in result.missed:
        print(f"  missed: {label.series} at hour {label.cell}")
    kinds = ", ".join(f"{number} {name}" for name, number in result.kinds.most_common())
    rising = account([one for one in seen if one.seen.step.shift > 0.0], told)
    print(f"share of findings that are clear steps: {_of(result.clear, result.findings)}: {kinds}")
    print(
        f"  of those that rise, which alone may open a ticket: {_of(rising.clear, rising.findings)}"
    )
    print(f"clear steps found of those visible: {_of(result.hit, result.visible)}")
    if out:
        _draw(series, seen, out)
    return result.precision >= CLEAR and result.recall >= HIT


def _of(k: int, n: int) -> str:
    low, high = between(k, n)
    return f"{k} of {n} = {k / max(n, 1):.2f} ({low:.2f}-{high:.2f})"


def _draw(series: Sequence[Public], seen: Sequence[Found], out: Path) -> None:
    marks = {one.name: [f.mark for f in seen if f.series.name == one.name] for one in series}
    index = ["Twelve panels a sheet, left to right, then down. Green: labelled a clear change.", ""]
    for stem, drawn in (
        ("findings", [one.panel for one in seen]),
        ("windows", panels(series, marks)),
    ):
        for number, file in enumerate(sheets(drawn, out, stem)):
            names = [panel.name for panel in drawn[12 * number : 12 * number + 12]]
            index.append(f"{file.name}: {', '.join(names)}")
    (out / "index.md").write_text("\n".join(index) + "\n", "utf-8")
    print(f"pictures: {out}")


def null(series: int) -> bool:
    """The control: otava's defaults on an unchanged history, looked at once; whether it fails."""
    plan = composition()
    truth = corpus(plan["weather"]["all"], {}, series, WEEKS, plan["seeds"]["evaluation"])
    rows = np.ascontiguousarray(truth.values.T)
    history = rows.shape[1] - 168 * WEEKS
    cut = change_points("otava", public_cuts.DEFAULTS["otava"], rows.tolist())
    otava = sum(at >= history for found in cut for at in found)
    own = sum(len(walked(Public("", 345_600.0, row)).confirmed) for row in rows)
    spent = series * WEEKS
    print(f'null "all", {spent} series-weeks: perfd {own} wrong in evaluations every 6 h;')
    print(f"  control: otava's defaults, one look at the end: {otava} wrong")
    return otava > 10 * max(MOST_WRONG * spent, 1.0) and own <= max(MOST_WRONG * spent, 1.0)


def main(arguments: Sequence[str]) -> int:
    """All parts, or one; 1 when one of them falls short."""
    options = _options(arguments)
    parts = {
        "cuts": lambda: cuts(options.data),
        "found": lambda: found(options.data, options.out),
        "null": lambda: null(options.series),
    }
    try:
        good = [part() for name, part in parts.items() if options.only in ("", name)]
    except NoPeers as error:
        print(f"public: {error}", file=sys.stderr)
        return 2
    return int(not all(good))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="public", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="public series")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where pictures go")
    parser.add_argument("--only", choices=("cuts", "found", "null"), default="", help="one part")
    parser.add_argument("--series", type=int, default=50, help="unchanged ones, for the control")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
