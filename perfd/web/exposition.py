"""Prometheus' text format, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class Family:
    """All samples of one metric name."""

    name: str
    kind: str
    help: str
    lines: list[str] = field(default_factory=list)

    def add(self, value: float, **labels: str) -> None:
        """One sample."""
        self.lines.append(_line(self.name, labels, value))

    def add_histogram(
        self,
        bounds: Sequence[float],
        buckets: Sequence[int],
        count: int,
        total: float,
        **labels: str,
    ) -> None:
        """One histogram; `buckets` are counts per bound, written cumulatively."""
        seen = 0
        for bound, held in zip(bounds, buckets, strict=True):
            seen += held
            self.lines.append(_line(f"{self.name}_bucket", {**labels, "le": f"{bound:g}"}, seen))
        self.lines.append(_line(f"{self.name}_bucket", {**labels, "le": "+Inf"}, count))
        self.lines.append(_line(f"{self.name}_sum", labels, total))
        self.lines.append(_line(f"{self.name}_count", labels, count))


def render(families: Iterable[Family]) -> str:
    """The text of all families that have a sample."""
    return "".join(line for family in families if family.lines for line in _text(family))


def _text(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.help}\n"
    yield f"# TYPE {family.name} {family.kind}\n"
    yield from family.lines


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inner}}} {value!r}\n" if inner else f"{name} {value!r}\n"


def _escaped(text: str) -> str:
    safe = text.encode("utf-8", "replace").decode()
    return safe.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
