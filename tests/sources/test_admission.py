import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfd.errors import Overloaded
from perfd.sources.admission import Admission


def test_bytes_are_given_back():
    admission = Admission(max_size=100, max_requests=10)
    with admission.hold(60) as hold:
        hold.grow(40)
        with pytest.raises(Overloaded) as refused:
            hold.grow(1)
        assert refused.value.retry_after > 0
        with pytest.raises(Overloaded):
            admission.hold(1)
        assert admission.size == 100
    assert (admission.size, admission.requests) == (0, 0)


def test_requests_are_bounded_even_when_they_hold_nothing():
    admission = Admission(max_size=100, max_requests=2)
    holds = [admission.hold(), admission.hold()]
    with pytest.raises(Overloaded):
        admission.hold()
    holds[0].release()
    admission.hold()


def test_releasing_twice_gives_back_once():
    admission = Admission(max_size=100, max_requests=2)
    hold = admission.hold(10)
    hold.release()
    hold.release()
    assert (admission.size, admission.requests) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=30))
def test_the_budget_is_never_exceeded_and_always_returned(requests):
    admission, holds = Admission(max_size=100, max_requests=5), []
    for size, more in requests:
        try:
            holds.append(admission.hold(size))
            holds[-1].grow(more)
        except Overloaded:
            if holds:
                holds.pop(0).release()
        assert admission.size <= 100
        assert admission.requests == len(holds) <= 5
    for hold in holds:
        hold.release()
    assert (admission.size, admission.requests) == (0, 0)
