"""Which telemetry speaks for a service's requests, where spans and a metric count the same ones.

Spans do, as long as they are whole: they are finer than any histogram and know their traces. Where
they hold less than nine tenths of what `http.server.request.duration` counts, in any version, they
were sampled, and who was chosen may depend on how slow a request was; then the metric speaks for
HTTP, and the spans only for what it does not know (messages, RPC). It must know the versions that
the spans know: a side that is not measured cannot be compared. The two are never added up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from perfd.aggregate.operation import METHODS, OTHER_METHOD
from perfd.model.window import Window

WHOLE = 0.9  # of the other's requests
FEWEST = 20  # requests of a version, below which a part of it says nothing

_HTTP = METHODS | {OTHER_METHOD}  # the first word of an HTTP operation

Place = tuple[str, str]  # service and environment
Choose = Callable[[list[Window], list[Window]], list[Window]]  # of spans and metric


def metric_speaks(spans: Iterable[Window], metric: Iterable[Window]) -> bool:
    """Whether the metric speaks for the HTTP requests of one service in one environment."""
    return tells_more(metered(metric), spanned(spans))


def tells_more(counted: Counter[str], seen: Counter[str]) -> bool:
    """The same of what a metric and what spans count, by version."""
    if not counted or not seen:
        return bool(counted)
    known = (v for v, n in seen.items() if n >= FEWEST)
    if any(counted[version] < WHOLE * seen[version] for version in known):
        return False
    return any(n >= FEWEST and seen[version] < WHOLE * n for version, n in counted.items())


def metered(metric: Iterable[Window]) -> Counter[str]:
    """Requests that a metric counts, by version."""
    return _by_version(metric, measured=False)


def spanned(spans: Iterable[Window]) -> Counter[str]:
    """HTTP requests that spans measure, by version."""
    return _by_version((w for w in spans if is_http(_operation(w))), measured=True)


def chosen(spans: Sequence[Window], metric: Sequence[Window], by_metric: bool) -> list[Window]:
    """The windows of the one that speaks, and of what only spans know."""
    if not by_metric:
        return list(spans)
    return [*metric, *(w for w in spans if not is_http(_operation(w)))]


def speaking(spans: Sequence[Window], metric: Sequence[Window]) -> list[Window]:
    """The same for windows of many services, each judged by what is given."""
    return _each(spans, metric, lambda a, b: chosen(a, b, metric_speaks(a, b)))


def busier(spans: Sequence[Window], metric: Sequence[Window]) -> list[Window]:
    """Of each service the windows that count more: for shares of its traffic, not for latency."""
    return _each(spans, metric, lambda *both: max(both, key=_requests))


def _requests(windows: Sequence[Window]) -> int:
    return sum(w.count for w in windows)


def _each(spans: Sequence[Window], metric: Sequence[Window], choose: Choose) -> list[Window]:
    """What is chosen of each service in each environment."""
    if not metric:
        return list(spans)
    of_spans, of_metric = _by_place(spans), _by_place(metric)
    places = of_spans.keys() | of_metric.keys()
    parts = (choose(of_spans.get(place, []), of_metric.get(place, [])) for place in places)
    return list(chain.from_iterable(parts))


def is_http(operation: str) -> bool:
    """Whether an operation of spans is one that the metric counts as well."""
    return operation.partition(" ")[0] in _HTTP


def _operation(window: Window) -> str:
    return window.series.label.get("operation", "")


def _by_version(windows: Iterable[Window], *, measured: bool) -> Counter[str]:
    """Requests; of spans those that were measured, not what they were sampled from."""
    found: Counter[str] = Counter()
    for window in windows:
        count = window.histogram.count if measured else window.count
        found[window.series.label.get("version", "")] += count
    return +found


def _by_place(windows: Iterable[Window]) -> dict[Place, list[Window]]:
    found: defaultdict[Place, list[Window]] = defaultdict(list)
    for window in windows:
        label = window.series.label
        found[label.get("service", ""), label.get("environment", "")].append(window)
    return dict(found)
