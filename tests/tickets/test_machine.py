"""The ticket machine: what each event does, and what no history can do."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfd.errors import Conflict, NotFound
from perfd.model.ticket import Resolution, State, Ticket, Verdict, Verification
from perfd.tickets.events import (
    Absent,
    Acknowledged,
    Action,
    Closed,
    Deployed,
    Event,
    FixClaimed,
    Judged,
    Muted,
    Passed,
    Reopened,
    Seen,
    Unmuted,
)
from perfd.tickets.follow import step
from perfd.tickets.policy import Policy
from perfd.tickets.settings import TicketSettings
from tests.tickets.samples import FOUND, POLICY, T0, deploy, events_of, found

HELD = Policy.of(TicketSettings(hold_for=600.0), 1.0)
FIXED_AT = T0 + 7200.0


def opened() -> Ticket:
    ticket, actions = step(None, Seen(found()), POLICY, FOUND)
    assert actions == (Action.OPENED,)
    return ticket


def verifying(claims: bool = False) -> Ticket:
    ticket = opened()
    claim = (ticket.id,) if claims else ()
    return step(ticket, Deployed(deploy("1.1.1", FIXED_AT, claims=claim)), POLICY, FIXED_AT)[0]


def judged(ticket: Ticket, verdict: Verdict | None, now: float = FIXED_AT + 1800) -> Ticket:
    told = dataclasses.replace(ticket.verification, verdict=verdict, text="numbers", at=now)
    return step(ticket, Judged(told), POLICY, now)[0]


def verified() -> Ticket:
    return judged(verifying(), Verdict.VERIFIED)


class TestOpening:
    def test_a_finding_opens_at_once_when_nothing_is_to_be_held(self) -> None:
        assert opened().state is State.OPEN

    def test_it_waits_for_hold_for(self) -> None:
        ticket, actions = step(None, Seen(found()), HELD, FOUND)
        assert (ticket.state, actions) == (State.PENDING, ())
        assert step(ticket, Passed(), HELD, FOUND + 599)[0].state is State.PENDING
        held, actions = step(ticket, Passed(), HELD, FOUND + 600)
        assert (held.state, actions) == (State.OPEN, (Action.OPENED,))

    def test_what_is_not_seen_again_while_pending_is_dropped_in_silence(self) -> None:
        ticket, _ = step(None, Seen(found()), HELD, FOUND)
        dropped, actions = step(ticket, Absent("it went away"), HELD, FOUND + 60)
        assert (dropped.state, actions) == (State.DROPPED, ())

    def test_a_dropped_ticket_that_comes_back_is_announced_for_the_first_time(self) -> None:
        ticket, _ = step(None, Seen(found()), HELD, FOUND)
        dropped, _ = step(ticket, Absent(), HELD, FOUND + 60)
        back, _ = step(dropped, Seen(found()), HELD, FOUND + 120)
        assert back.occurrence == 2
        again, actions = step(back, Passed(), HELD, FOUND + 720)
        assert (again.id, actions) == (ticket.id, (Action.OPENED,))

    def test_pace_divides_durations_and_never_counts(self) -> None:
        fast = Policy.of(TicketSettings(hold_for=600.0), 60.0)
        assert (fast.hold_for, fast.verify_after, fast.verify_requests) == (10.0, 30.0, 300)

    def test_the_rule_is_fixed_when_the_ticket_opens(self) -> None:
        ticket = opened()
        rule = ticket.verification.rule
        later = found(after=dataclasses.replace(ticket.after, value=0.09), found_at=FOUND + 60)
        seen, actions = step(ticket, Seen(later), POLICY, FOUND + 86_400)
        assert seen.after.value == 0.09
        assert seen.verification.rule == rule
        assert actions == (Action.UPDATED,)

    def test_the_same_finding_again_is_no_news(self) -> None:
        again, actions = step(opened(), Seen(found()), POLICY, FOUND + 60)
        assert actions == ()
        assert again.last_seen == FOUND + 60


class TestQuiet:
    def test_an_open_ticket_that_is_not_found_any_more_goes_away_after_quiet_for(self) -> None:
        gone, actions = step(opened(), Absent("vanished"), POLICY, FOUND + 60)
        assert (gone.state, actions) == (State.OPEN, ())
        assert step(gone, Passed(), POLICY, FOUND + 3600)[0].state is State.OPEN
        closed, actions = step(gone, Passed(), POLICY, FOUND + 3660)
        assert (closed.state, closed.resolution) == (State.CLOSED, Resolution.WENT_AWAY)
        assert actions == (Action.CLOSED,)

    def test_seen_again_it_stays(self) -> None:
        gone, _ = step(opened(), Absent(), POLICY, FOUND + 60)
        back, _ = step(gone, Seen(found()), POLICY, FOUND + 120)
        assert step(back, Passed(), POLICY, FOUND + 90_000)[0].state is State.OPEN


class TestDeploys:
    def test_another_version_is_verified(self) -> None:
        ticket = verifying()
        assert (ticket.state, ticket.verification.version) == (State.VERIFYING, "1.1.1")
        assert not ticket.verification.claimed

    def test_a_rollback_is_a_candidate_too(self) -> None:
        back, _ = step(opened(), Deployed(deploy("1.0.0", FIXED_AT)), POLICY, FIXED_AT)
        assert (back.state, back.verification.version) == (State.VERIFYING, "1.0.0")

    def test_the_regressed_version_again_fixes_nothing(self) -> None:
        ticket = opened()
        again = deploy("1.1.0", FIXED_AT, previous="1.0.0")
        assert step(ticket, Deployed(again), POLICY, FIXED_AT).ticket == ticket

    def test_the_regressed_version_over_itself_may_be_the_fix(self) -> None:
        again = deploy("1.1.0", FIXED_AT, previous="1.1.0")
        ticket, _ = step(opened(), Deployed(again), POLICY, FIXED_AT)
        assert (ticket.state, ticket.verification.version) == (State.VERIFYING, "1.1.0")

    def test_the_regressed_version_while_verifying_ends_the_verification(self) -> None:
        again = deploy("1.1.0", FIXED_AT + 60, previous="1.1.1")
        ticket, _ = step(verifying(), Deployed(again), POLICY, FIXED_AT)
        assert (ticket.state, ticket.verification.version) == (State.OPEN, "")

    @pytest.mark.parametrize("change", [{"service": "checkout"}, {"environment": "staging"}])
    def test_deploys_of_others_do_not_matter(self, change: dict[str, str]) -> None:
        ticket = opened()
        other = dataclasses.replace(deploy("1.1.1", FIXED_AT), **change)
        assert step(ticket, Deployed(other), POLICY, FIXED_AT).ticket == ticket

    def test_a_deploy_before_the_change_is_history(self) -> None:
        ticket = opened()
        assert step(ticket, Deployed(deploy("1.0.9", T0 - 1)), POLICY, FOUND).ticket == ticket

    def test_a_trailer_claims_the_fix(self) -> None:
        assert verifying(claims=True).verification.claimed

    def test_without_version_labels_every_later_deploy_is_a_candidate(self) -> None:
        nameless = found(version="unknown", previous="unknown")
        ticket, _ = step(None, Seen(nameless), POLICY, FOUND)
        ticket, _ = step(ticket, Deployed(deploy("unknown", FIXED_AT)), POLICY, FIXED_AT)
        assert ticket.verification.since == FIXED_AT
        ticket, _ = step(ticket, Deployed(deploy("unknown", FIXED_AT + 60)), POLICY, FIXED_AT)
        assert ticket.verification.since == FIXED_AT + 60


class TestVerdicts:
    @pytest.mark.parametrize(
        ("verdict", "state"),
        [
            (Verdict.VERIFIED, State.VERIFIED),
            (Verdict.PARTIAL, State.OPEN),
            (Verdict.FAILED, State.OPEN),
            (Verdict.INCONCLUSIVE, State.VERIFYING),
            (None, State.OPEN),
        ],
    )
    def test_where_they_lead(self, verdict: Verdict | None, state: State) -> None:
        ticket = judged(verifying(), verdict)
        assert (ticket.state, ticket.verification.verdict) == (state, verdict)

    def test_the_deadline_opens_what_could_not_be_decided(self) -> None:
        ticket = judged(verifying(), Verdict.INCONCLUSIVE)
        due = ticket.verification.deadline
        assert step(ticket, Passed(), POLICY, due - 1)[0].state is State.VERIFYING
        assert step(ticket, Passed(), POLICY, due)[0].state is State.OPEN

    def test_a_judged_deploy_told_of_again_is_not_judged_again(self) -> None:
        ticket = judged(verifying(), Verdict.PARTIAL)
        again = Deployed(deploy("1.1.1", FIXED_AT))
        assert step(ticket, again, POLICY, FIXED_AT + 9000).ticket.state is State.OPEN

    def test_a_verdict_on_another_version_is_ignored(self) -> None:
        ticket = verifying()
        stale = Verification(verdict=Verdict.VERIFIED, version="1.1.0", since=T0)
        assert step(ticket, Judged(stale), POLICY, FIXED_AT).ticket == ticket


class TestClaims:
    def test_a_promise_waits_for_its_version(self) -> None:
        ticket, _ = step(opened(), FixClaimed("1.1.2", actor="ada"), POLICY, FOUND)
        ticket, _ = step(ticket, Deployed(deploy("1.1.1", FIXED_AT)), POLICY, FIXED_AT)
        assert not ticket.verification.claimed
        ticket, _ = step(ticket, Deployed(deploy("1.1.2", FIXED_AT + 60)), POLICY, FIXED_AT)
        assert ticket.verification.claimed
        assert ticket.verification.promised is None

    def test_the_next_deploy_may_be_promised(self) -> None:
        ticket, _ = step(opened(), FixClaimed(), POLICY, FOUND)
        ticket, _ = step(ticket, Deployed(deploy("1.1.1", FIXED_AT)), POLICY, FIXED_AT)
        assert ticket.verification.claimed

    def test_a_version_that_runs_already_is_judged_anew(self) -> None:
        ticket = judged(verifying(), None)
        claim = FixClaimed("1.1.1", deployed_at=FIXED_AT)
        ticket, _ = step(ticket, claim, POLICY, FIXED_AT + 9000)
        assert (ticket.state, ticket.verification.claimed) == (State.VERIFYING, True)

    def test_the_regressed_version_cannot_be_the_fix(self) -> None:
        with pytest.raises(Conflict):
            step(opened(), FixClaimed("1.1.0"), POLICY, FOUND)


class TestMutes:
    def test_a_mute_ends_where_it_began(self) -> None:
        quiet, actions = step(opened(), Muted(FOUND + 60, "known"), POLICY, FOUND)
        assert (quiet.state, actions) == (State.MUTED, (Action.MUTED,))
        back, actions = step(quiet, Passed(), POLICY, FOUND + 60)
        assert (back.state, actions) == (State.OPEN, (Action.UNMUTED,))

    def test_a_fix_deployed_meanwhile_is_verified_afterwards(self) -> None:
        quiet, _ = step(opened(), Muted(), POLICY, FOUND)
        quiet, actions = step(quiet, Deployed(deploy("1.1.1", FIXED_AT)), POLICY, FIXED_AT)
        assert (quiet.state, actions) == (State.MUTED, ())
        back, _ = step(quiet, Unmuted("ada"), POLICY, FIXED_AT + 500_000)
        assert back.state is State.VERIFYING
        assert back.verification.deadline > FIXED_AT + 500_000

    def test_a_pending_ticket_that_is_muted_has_still_to_open(self) -> None:
        ticket, _ = step(None, Seen(found()), HELD, FOUND)
        quiet, actions = step(ticket, Muted(), HELD, FOUND)
        assert actions == ()
        back, actions = step(quiet, Unmuted(), HELD, FOUND + 60)
        assert (back.state, actions) == (State.PENDING, ())


class TestRelapse:
    def test_a_new_change_keeps_the_ticket(self) -> None:
        old = verified()
        later = FIXED_AT + 90_000
        change = found(change_at=later, change_ci=(later, later), version="1.4.0")
        back, actions = step(old, Seen(change), POLICY, later + 1800)
        assert (back.id, back.occurrence, actions) == (old.id, 2, (Action.REOPENED,))
        assert back.verification.since is None
        assert events_of(back)[:2] == ["seen", "opened"]

    def test_the_settled_change_seen_once_more_is_no_relapse(self) -> None:
        old = verified()
        assert step(old, Seen(found()), POLICY, FIXED_AT + 90_000).ticket == old

    def test_what_a_person_closed_stays_closed_for_that_change(self) -> None:
        closed, _ = step(opened(), Closed(Resolution.WRONG), POLICY, FOUND + 60)
        assert step(closed, Seen(found()), POLICY, FOUND + 86_400).ticket == closed


@pytest.mark.parametrize(
    "event", [Muted(), Unmuted(), Closed(Resolution.WRONG), Acknowledged(), FixClaimed("9")]
)
def test_wishes_that_do_not_fit_a_settled_ticket_are_conflicts(event: Event) -> None:
    with pytest.raises(Conflict):
        step(verified(), event, POLICY, FIXED_AT)


def test_an_active_ticket_cannot_be_reopened() -> None:
    with pytest.raises(Conflict):
        step(opened(), Reopened(), POLICY, FOUND)


def test_only_a_finding_makes_a_ticket() -> None:
    with pytest.raises(NotFound):
        step(None, Passed(), POLICY, FOUND)


# --- any history ----------------------------------------------------------------------------------

versions = st.sampled_from(["1.0.0", "1.1.0", "1.1.1", "1.2.0"])
verdicts = st.sampled_from([*Verdict, None])


KINDS = ("seen", "absent", "deploy", "fix", "judge", "mute", "unmute", "close", "reopen", "ack")
WISHES = frozenset({"fix", "mute", "unmute", "close", "reopen", "ack"})


@st.composite
def happenings(draw: st.DrawFn) -> tuple[str, object, float]:
    kind = draw(st.sampled_from([*KINDS, "pass", "seen", "deploy", "judge"]))
    return kind, draw(st.tuples(versions, verdicts, st.booleans())), draw(st.floats(0.1, 200_000))


def happen(
    ticket: Ticket, kind: str, detail: tuple[str, Verdict | None, bool], now: float
) -> Event:
    version, verdict, flag = detail
    change = {"change_at": now - 60, "change_ci": (now - 120, now), "version": version}
    told = dataclasses.replace(ticket.verification, verdict=verdict, text="numbers", at=now)
    return {
        "seen": Seen(found(**change) if flag else found()),
        "absent": Absent(),
        "deploy": Deployed(deploy(version, now, claims=(ticket.id,) if flag else ())),
        "fix": FixClaimed(version if flag else "", deployed_at=now if flag else None),
        "judge": Judged(told),
        "mute": Muted(now + 1000 if flag else None),
        "unmute": Unmuted(),
        "close": Closed(Resolution.WONT_FIX),
        "reopen": Reopened(),
        "ack": Acknowledged(),
        "pass": Passed(),
    }[kind]


ALLOWED = {
    State.PENDING: {State.OPEN, State.VERIFYING, State.DROPPED, State.MUTED, State.CLOSED},
    State.OPEN: {State.VERIFYING, State.MUTED, State.CLOSED},
    State.VERIFYING: {State.VERIFIED, State.OPEN, State.MUTED, State.CLOSED},
    State.MUTED: {State.PENDING, State.OPEN, State.VERIFYING, State.CLOSED},
    State.VERIFIED: {State.OPEN, State.PENDING},
    State.CLOSED: {State.OPEN, State.PENDING},
    State.DROPPED: {State.OPEN, State.PENDING},
}


Script = list[tuple[str, tuple[str, Verdict | None, bool], float]]
histories = given(
    policy=st.sampled_from([POLICY, HELD]), script=st.lists(happenings(), max_size=25)
)


@settings(max_examples=40, deadline=None)
@histories
def test_no_history_breaks_the_promises(policy: Policy, script: Script) -> None:
    live(policy, script)


@pytest.mark.soak
@pytest.mark.slow
@settings(max_examples=5_000, deadline=None)
@histories
def test_no_history_of_thousands_breaks_the_promises(policy: Policy, script: Script) -> None:
    live(policy, script)


def live(policy: Policy, script: Script) -> None:
    ticket, actions = step(None, Seen(found()), policy, FOUND)
    said, now = list(actions), FOUND
    for kind, detail, wait in script:
        now += wait
        event = happen(ticket, kind, detail, now)
        try:
            after, actions = step(ticket, event, policy, now)
        except Conflict:
            assert kind in WISHES
            continue
        if after.state is not ticket.state:
            assert after.state in ALLOWED[ticket.state]
            assert len(after.history) > len(ticket.history)
            assert after.history[-1].state is after.state
        assert (after.id, after.fingerprint) == (ticket.id, ticket.fingerprint)
        assert after.occurrence >= ticket.occurrence
        assert len(actions) <= 1
        said += actions
        ticket = after
        _consistent(ticket)
    assert said.count(Action.OPENED) <= 1
    assert not said or said[0] is Action.OPENED


def _consistent(ticket: Ticket) -> None:
    """What holds in every state."""
    assert (ticket.resolution is not None) == (ticket.state is State.CLOSED)
    assert (ticket.muted_from is not None) == (ticket.state is State.MUTED)
    if ticket.state is State.VERIFYING:
        assert ticket.verification.since is not None
        assert ticket.verification.deadline is not None
    if ticket.state is State.VERIFIED:
        assert ticket.verification.verdict is Verdict.VERIFIED
