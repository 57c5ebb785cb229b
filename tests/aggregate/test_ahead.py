"""Clocks that are ahead: what cannot have happened yet is moved back, and counted."""

from perfd.aggregate.ahead import windows_ahead
from perfd.aggregate.grid import Grid
from perfd.model.series import METRIC_REQUESTS, REQUESTS
from tests.aggregate.sent import NOW, Perfd, named, span
from tests.aggregate.test_metrics import explicit

GRID = Grid(1.0)
HERE = GRID.index_at(NOW + 2.0)


def starts(perfd, name):
    return sorted((w.start, w.count) for w in named(perfd.take(NOW).windows, name))


def minute(at):
    return at - at % 60.0


def test_a_batch_ten_minutes_ahead_lands_where_the_others_do():
    perfd = Perfd()
    perfd.spans([span(end=NOW + 595.0 + i / 10) for i in range(20)])
    ((start, count),) = starts(perfd, REQUESTS)
    assert (start, count) == (minute(NOW), 20)
    assert perfd.meter.total("perfd_skewed_items", signal="traces") == 20


def test_so_does_its_metric():
    perfd = Perfd()
    perfd.metrics(explicit([0.1] * 5, at=NOW + 600.0, start=NOW + 540.0))
    assert starts(perfd, METRIC_REQUESTS) == [(minute(NOW), 5)]


def test_a_clock_within_a_second_moves_nothing():
    assert windows_ahead({HERE - 1: 5, HERE: 5}, GRID, NOW) == 0


def test_one_odd_span_in_the_future_moves_nothing():
    perfd = Perfd()
    perfd.spans([span(end=NOW - 1.0)] * 20 + [span(end=NOW + 300.0)])
    assert starts(perfd, REQUESTS) == [(minute(NOW), 20), (minute(NOW + 300.0), 1)]
    assert perfd.meter.total("perfd_skewed_items") == 0


def test_what_is_behind_stays_where_its_clock_says():
    perfd = Perfd()
    perfd.spans([span(end=NOW - 600.0)] * 20)
    assert starts(perfd, REQUESTS) == [(minute(NOW - 600.0), 20)]


def test_a_clock_that_is_wrong_by_hours_is_not_believed():
    perfd = Perfd()
    perfd.spans([span(end=NOW + 3600.0)] * 20)
    assert starts(perfd, REQUESTS) == []
    assert perfd.dropped(reason="future") == 20
