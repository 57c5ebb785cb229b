"""The rows of the deploys benchmark: which service is deployed, in which weather, what changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.bench.deploy_world import DAY, Shape, Weather, zipf
from tests.bench.requests import CACHE, HEAVY

PROMISED = 1.0 / 200.0  # wrong tickets per deploy
STRESS = 5.0 / 200.0
EFFECTS = (1.0, 1.05, 1.1, 1.3, 2.0)
RATES = (1000.0, 500.0, 250.0, 100.0, 50.0, 20.0, 10.0, 5.0)
SLOW = {1000.0: 0, 100.0: 3, 10.0: 6}  # the operation that changes, by its requests a minute
UNKNOWN = 75  # minutes of a service that was watched for hardly more than the hour it takes
LAST_LOOK = 42  # minutes after the deploy, within which everything is to be found

STILL = Weather(restart_sd=0.0)
OPERATIONS = 30
PLACES = {1000.0: 0, 100.0: 3, 10.0: 18}  # of the ranks nearest to these requests a minute


@dataclass(frozen=True)
class Row:
    """`power` is promised of a change, `wrong` of all; a `main` row is measured on more deploys."""

    name: str
    shape: Shape
    power: float = 0.0
    wrong: float = PROMISED
    main: bool = False

    @property
    def changes(self) -> bool:
        """Whether the deploy changes anything."""
        return (self.shape.effect, self.shape.errors, self.shape.cpu) != (1.0, 1.0, 1.0)


def thirty() -> tuple[float, ...]:
    """Zipf's traffic from 1,000 to 5 requests a minute, with operations at 100 and at 10."""
    rates = list(zipf(OPERATIONS, 1000.0, 5.0))
    for level, place in PLACES.items():
        rates[place] = level
    return tuple(rates)


FULL = Shape(rates=thirty(), after=LAST_LOOK, weather=STILL)
FRESH = replace(FULL, history=UNKNOWN)


def rows() -> Iterator[Row]:
    """All rows, those with promises first."""
    yield Row("A/A, 30 operations", FULL, main=True)
    yield Row("A/A, 30 operations, no history", FRESH, main=True)
    yield from promised()
    yield from stress()
    yield from effects(DAY)
    yield from effects(UNKNOWN)
    yield from beyond()


def promised() -> Iterator[Row]:
    """Changes in a service of 30 operations."""
    for level, effect, power in ((1000.0, 1.1, 0.97), (100.0, 1.2, 0.99), (10.0, 1.5, 0.85)):
        yield Row(
            f"30: x{effect:.2f} of {level:.0f} requests/min", _slower(FULL, level, effect), power
        )
    for level in PLACES:
        for effect in (1.2, 1.5):
            name = f"30: x{effect:.2f} of {level:.0f} requests/min, no history"
            yield Row(name, _slower(FRESH, level, effect))
    failing = replace(FULL, slow=PLACES[100.0], errors=3.0)
    yield Row("30: errors 1 % to 3 % of 100 requests/min", failing)
    yield Row("30: errors 1 % to 2 % of 1000 requests/min", replace(FULL, errors=2.0))
    yield Row("30: CPU x1.20", replace(FULL, cpu=1.2))
    yield Row("30: CPU x1.10", replace(FULL, cpu=1.1))


def stress() -> Iterator[Row]:
    """Harder weather than the one that the promises are about."""
    weathers = {
        "restarts differ by 2 %": Weather(restart_sd=0.02),
        "all effects per operation": replace(STILL, shared=0.0),
        "window effects 4 %, correlation .9": replace(STILL, window_sd=0.04, correlation=0.9),
        "drift 5 %/h, own factors": replace(STILL, drift=0.05, drift_differs=True),
    }
    for name, weather in weathers.items():
        yield Row(f"A/A, {name}", replace(FULL, weather=weather), wrong=STRESS)
        if weather.drift_differs or weather.window_sd > STILL.window_sd:
            fresh = replace(FRESH, weather=weather)
            yield Row(f"A/A, {name}, no history", fresh, wrong=STRESS)


def effects(history: int) -> Iterator[Row]:
    """A smaller service, and how the chance to be found grows with the effect."""
    for effect in EFFECTS:
        for level, slow in SLOW.items():
            if effect > 1.0 or not slow:
                where = "" if effect == 1.0 else f" of {level:.0f} requests/min"
                name = f"x{effect:.2f}{where}{'' if history == DAY else ', no history'}"
                shape = Shape(RATES, slow, effect, after=LAST_LOOK, history=history)
                yield Row(name, shape)


def beyond() -> Iterator[Row]:
    """What the promises do not speak of."""
    shapes = {
        "Pareto tails": replace(FULL, weather=replace(STILL, law=HEAVY)),
        "cache hits and misses": replace(FULL, weather=replace(STILL, law=CACHE, hits_sd=0.1)),
        "1 to 20 requests/min": replace(FULL, rates=zipf(OPERATIONS, 20.0, 1.0)),
        "a tenth of the minutes missing": replace(FULL, weather=replace(STILL, missing=0.1)),
        "3 hours of history": replace(FULL, history=180),
        "rolled out in an hour": replace(FULL, rolling=60, after=102),
        "canary of 5 % for an hour": replace(FULL, canary=0.05, instances=1, after=62),
        "looks of a whole day": replace(FULL, after=122, recheck=True),
    }
    for name, shape in shapes.items():
        yield Row(f"A/A, {name}", shape)
    for name in ("Pareto tails", "cache hits and misses", "3 hours of history"):
        yield Row(f"30: x1.20 of 100 requests/min, {name}", _slower(shapes[name], 100.0, 1.2))
    for name in ("rolled out in an hour", "canary of 5 % for an hour"):
        yield Row(f"30: x1.20 of 1000 requests/min, {name}", _slower(shapes[name], 1000.0, 1.2))


def _slower(shape: Shape, level: float, effect: float) -> Shape:
    return replace(shape, slow=PLACES[level], effect=effect)
