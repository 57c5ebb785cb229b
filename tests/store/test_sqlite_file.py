"""What a database file survives, and what is refused."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from perfd.clock import ManualClock
from perfd.errors import Overloaded, PerfdError, SchemaTooNew, StoreError
from perfd.model.batch import FINDING, TICKET, Batch, Document
from perfd.model.profile import Function, Symbols, Weight
from perfd.model.series import CPU_TIME, REQUESTS, Series
from perfd.model.window import Gauge
from perfd.store.settings import StoreSettings
from perfd.store.sqlite import SqliteStore
from tests.contracts.store_contract import NOON, SETTINGS, exemplar, profile, series, window
from tests.fakes import CountingMeter

OpenStore = Callable[..., SqliteStore]


@pytest.fixture
def meter() -> CountingMeter:
    return CountingMeter()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "perfd.db"


@pytest.fixture
def open_store(path: Path, meter: CountingMeter) -> OpenStore:
    def opened(pace: float = 1.0, settings: StoreSettings = SETTINGS) -> SqliteStore:
        return SqliteStore(path, settings, pace=pace, clock=ManualClock(), meter=meter)

    return opened


def settle(store: SqliteStore, now: float) -> None:
    for _ in range(20):
        store.maintain(now)


def rows(store: SqliteStore, statement: str) -> list[tuple[object, ...]]:
    with store._database.reading() as connection:
        return connection.execute(statement).fetchall()


# --- opening --------------------------------------------------------------------------------------


def test_a_restart_keeps_everything(open_store: OpenStore) -> None:
    store = open_store()
    store.append(Batch(windows=(window(NOON, [0.1]),), log_position=41))
    store.put([Document(TICKET, "a", store.next_revision(), NOON, b"body")])
    asked = REQUESTS, {}, NOON, NOON + 60
    before = store.windows(*asked)
    revision, writer = store.next_revision(), store._state.writer
    store.close()
    store = open_store()
    assert store.windows(*asked) == before
    assert store.log_position() == 41
    assert store.next_revision() > revision
    assert store._state.writer == writer
    store.append(Batch(windows=(window(NOON, [0.2]),)))
    assert store.windows(*asked)[0].count == 2
    store.close()


def test_another_pace_is_refused_with_the_one_it_was_written_with(open_store: OpenStore) -> None:
    open_store(pace=60.0).close()
    with pytest.raises(StoreError, match="written with pace 60"):
        open_store(pace=1.0)
    open_store(pace=60.0).close()


def test_a_newer_schema_is_refused(open_store: OpenStore, path: Path) -> None:
    open_store().close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET body = 99 WHERE name = 'schema'")
    connection.close()
    with pytest.raises(SchemaTooNew, match="schema 99"):
        open_store()
    assert path.exists()


def test_what_is_no_database_is_put_aside(
    open_store: OpenStore, path: Path, meter: CountingMeter
) -> None:
    for number in (1, 2):
        path.write_bytes(b"this is not a database, " * 1000)
        store = open_store()
        store.append(Batch(windows=(window(NOON, [0.1]),)))
        store.close()
        assert path.with_name(f"perfd.db.corrupt-{number}").exists()
    assert meter.total("perfd_store_corruptions", what="database") == 2


def test_a_closed_store_says_so(open_store: OpenStore) -> None:
    store = open_store()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.windows(REQUESTS, {}, 0, NOON)
    with pytest.raises(StoreError, match="closed"):
        store.append(Batch())


def test_documents_outlive_a_damaged_file(open_store: OpenStore, path: Path) -> None:
    store = open_store()
    store.put([Document(TICKET, str(i), 7 << 32, NOON, bytes(500)) for i in range(300)])
    store.append(Batch(windows=(window(NOON, [0.1]),), log_position=5))
    (root,) = rows(store, "SELECT rootpage FROM sqlite_schema WHERE name = 'stream'")
    store.close()
    data = bytearray(path.read_bytes())
    page = 8192 * (int(str(root[0])) - 1)
    data[page : page + 200] = bytes(200)
    path.write_bytes(data)
    store = open_store()
    assert path.with_name("perfd.db.corrupt-1").exists()
    assert len(store.documents(TICKET)) == 300
    assert store.next_revision() > 7 << 32
    assert store.log_position() == 5
    store.close()


# --- packing --------------------------------------------------------------------------------------


def test_packing_moves_rows_and_leaves_none(open_store: OpenStore) -> None:
    store = open_store()
    store.append(Batch(windows=tuple(window(NOON + 60 * i, [0.1]) for i in range(150))))
    settle(store, NOON + 4 * 3600)
    assert rows(store, "SELECT count(*) FROM window_hot") == [(30,)]
    assert rows(store, "SELECT count(*) FROM window_chunk") == [(2,)]
    store.close()


def test_an_interrupted_packing_loses_and_doubles_nothing(open_store: OpenStore) -> None:
    """The transaction is cut after every statement that it makes, one after the other."""
    store = open_store()
    names = [series(name) for name in ("a", "b", "c")]
    store.append(
        Batch(windows=tuple(window(NOON + 60 * i, [0.1], of=n) for i in range(9) for n in names))
    )
    asked = REQUESTS, {}, NOON, NOON + 3600
    truth = store.windows(*asked)
    writer = store._database._writer
    cuts = 0
    while rows(store, "SELECT count(*) FROM window_hot") != [(0,)]:
        cuts += 5
        left = cuts

        def interrupt() -> int:
            nonlocal left
            left -= 1
            return left < 0

        writer.set_progress_handler(interrupt, 50)
        with contextlib.suppress(StoreError):
            store.maintain(NOON + 4 * 3600)
        writer.set_progress_handler(None, 0)
        assert store.windows(*asked) == truth
    assert cuts > 50
    store.close()


def test_an_hour_that_is_packed_again_is_added_to(open_store: OpenStore) -> None:
    """A clock that was ahead packs too early; what comes later for that hour is merged with it."""
    store = open_store()
    store.append(Batch(windows=(window(NOON, [0.1]), window(NOON + 60, [0.2]))))
    settle(store, NOON + 9 * 3600)
    store.maintain(NOON + 600)
    store.append(Batch(windows=(window(NOON + 60, [0.3]), window(NOON + 120, [0.4]))))
    settle(store, NOON + 9 * 3600)
    assert rows(store, "SELECT count(*) FROM window_hot") == [(0,)]
    assert [w.count for w in store.windows(REQUESTS, {}, NOON, NOON + 3600)] == [1, 2, 1]
    store.close()


def test_the_tail_of_a_profile_is_folded_and_totals_stay(open_store: OpenStore) -> None:
    store = open_store(settings=StoreSettings(keep_stacks=0.9))
    symbols = Symbols()
    main = Function("main", "m.py", 1)
    heavy = symbols.intern((main, Function("heavy", "h.py")))
    light = [symbols.intern((main, Function(f"light{i}", "l.py"))) for i in range(20)]
    weights = {heavy: Weight(970, 97), **{node: Weight(1, 1) for node in light}}
    store.append(
        Batch(profiles=(profile(NOON, weights), profile(NOON + 600, weights)), symbols=symbols)
    )
    settle(store, NOON + 4 * 3600)
    first, second = store.profiles({}, NOON, NOON + 3600)
    assert sum(w.value for w in first.weights.values()) == 990
    assert sum(w.hits for w in first.weights.values()) == 117
    assert len(first.weights) == 2
    assert first.weights == second.weights
    found = store.symbols(first.weights)
    stacks = {tuple(f.name for f in found.stack(node)) for node in first.weights}
    assert stacks == {("main", "heavy"), ("main", "[other]")}
    store.close()


# --- bounds ---------------------------------------------------------------------------------------


def test_the_oldest_hours_go_first_when_it_is_too_large(
    open_store: OpenStore, meter: CountingMeter
) -> None:
    limit = 300 * 1024
    store = open_store(settings=StoreSettings(max_bytes=limit))
    chance = random.Random(3)
    for hour in range(20):
        at = NOON + 3600 * hour
        values = [[chance.lognormvariate(-3, 1) for _ in range(60)] for _ in range(60)]
        store.append(Batch(windows=tuple(window(at + 60 * i, v) for i, v in enumerate(values))))
        store.maintain(at + 3600)
    found = store.windows(REQUESTS, {}, NOON, NOON + 40 * 3600, step=3600)
    assert found[-1].start == NOON + 19 * 3600
    assert found[0].start > NOON
    assert len(found) == (found[-1].start - found[0].start) / 3600 + 1
    assert meter.total("perfd_store_expired", what="window", reason="size") > 0
    assert store._upkeep.used() <= limit
    store.close()


def test_space_is_given_back(open_store: OpenStore) -> None:
    store = open_store()
    settle(store, NOON)
    store.put([Document(FINDING, str(i), 1, NOON, bytes(200_000)) for i in range(40)])
    before = store._database.pragma("page_count")
    settle(store, NOON + 91 * 86_400)
    assert store._database.pragma("page_count") < before / 2
    store.close()


def test_a_full_disk_refuses_the_batch_and_keeps_what_was_there(open_store: OpenStore) -> None:
    store = open_store()
    store.append(Batch(windows=(window(NOON, [0.1]),), log_position=1))
    pages = store._database.pragma("page_count")
    store._database._writer.execute(f"PRAGMA max_page_count = {pages}")
    big = Batch(
        windows=tuple(window(NOON, [0.1], of=series(str(i))) for i in range(300)), log_position=2
    )
    with pytest.raises(Overloaded):
        store.append(big)
    assert store.log_position() == 1
    assert len(store.series(REQUESTS)) == 1
    store._database._writer.execute("PRAGMA max_page_count = 100000")
    store.append(big)
    assert store.log_position() == 2
    assert [w.count for w in store.windows(REQUESTS, {}, NOON, NOON + 60)] == [1] * 301
    store.close()


def test_absurd_numbers_are_dropped_and_counted(
    open_store: OpenStore, meter: CountingMeter
) -> None:
    store = open_store()
    huge = profile(NOON, {5: Weight(1 << 63, 1)})
    far = window(1e13, [0.1])
    store.append(Batch(windows=(far, window(NOON, [0.1])), profiles=(huge,)))
    assert not store.profiles({}, 0, 1e14)
    assert len(store.windows(REQUESTS, {}, 0, 1e14)) == 1
    assert meter.total("perfd_dropped_items", stage="store", reason="overflow") == 1
    assert meter.total("perfd_dropped_items", stage="store", reason="time") == 1
    store.close()


# --- damage ---------------------------------------------------------------------------------------


def fill(store: SqliteStore) -> None:
    """Packed and hot rows of every kind, and documents."""
    chance = random.Random(5)
    names = [series(str(i)) for i in range(6)]
    cpu = Series.of(CPU_TIME, service="pricing")
    symbols = Symbols()
    leaves = [
        symbols.intern(tuple(Function(f"f{chance.randrange(9)}", "f.py", d) for d in range(4)))
        for _ in range(30)
    ]
    for minute in range(0, 240, 4):
        at = NOON + 60 * minute
        shown = (exemplar(f"t{minute}", at, 0.1),)
        values = [[chance.lognormvariate(-3, 1) for _ in range(20)] for _ in names]
        store.append(
            Batch(
                tuple(
                    window(at, v, of=n, exemplars=shown) for n, v in zip(names, values, strict=True)
                ),
                (Gauge.single(cpu, at, 10.0, chance.random()),),
                (profile(at, {leaf: Weight(chance.randrange(9**9), 3) for leaf in leaves}),),
                symbols,
                log_position=minute,
            )
        )
    store.put([Document(TICKET, str(i), i + 1, NOON + i, chance.randbytes(600)) for i in range(20)])
    settle(store, NOON + 4 * 3600)


def answers(store: SqliteStore) -> dict[str, set[object]]:
    """All that the store can be asked, piece by piece."""
    everything = REQUESTS, {}, 0.0, 2 * NOON
    profiles = store.profiles({}, 0.0, 2 * NOON)
    leaves = {node for p in profiles for node in p.weights}
    found = store.symbols(leaves)
    return {
        "windows": {repr(w) for w in store.windows(*everything)},
        "exemplars": {repr(e) for w in store.exemplars(*everything) for e in w.exemplars},
        "gauges": {repr(g) for g in store.gauges(CPU_TIME, {}, 0.0, 2 * NOON)},
        "profiles": {(p.start, p.duration, frozenset(p.weights.items())) for p in profiles},
        "stacks": {(leaf, found.stack(leaf)) for leaf in leaves},
        "documents": {(d.id, d.revision, d.at, d.body) for d in store.documents(TICKET)},
        "position": {store.log_position()},
    }


def flipped(path: Path, sound: Path, chance: random.Random) -> None:
    data = bytearray(sound.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def survive(sound: Path, directory: Path, truth: dict[str, set[object]], seed: int) -> str:
    """What one flipped bit does: "same", "less" (and it was noticed), or an assertion fails."""
    chance = random.Random(seed)
    directory.mkdir()
    path = directory / "perfd.db"
    flipped(path, sound, chance)
    meter = CountingMeter()
    try:
        store = SqliteStore(path, SETTINGS, pace=1.0, clock=ManualClock(), meter=meter)
        found = answers(store)
        store.maintain(NOON + 4 * 3600)  # setting things aside must not fail either
        again = answers(store)
        store.close()
    except PerfdError:
        return "refused"
    finally:
        shutil.rmtree(directory)
    noticed = meter.total("perfd_store_corruptions") > 0
    for asked in (found, again):
        for what, pieces in truth.items():
            wrong = asked[what] - pieces
            partial = what == "stacks" and noticed  # a path cut short where it is damaged
            assert not wrong or partial or lost_position(what, asked), (seed, what, wrong)
            assert asked[what] == pieces or noticed, (seed, what, "is missing without a word")
    return "same" if found == truth and not noticed else "less"


def lost_position(what: str, asked: dict[str, set[object]]) -> bool:
    """A store that had to begin anew has no windows and begins the log anew as well."""
    return what == "position" and asked[what] == {-1} and not asked["windows"]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "perfd.db"
    store = SqliteStore(path, SETTINGS, pace=1.0, clock=ManualClock(), meter=CountingMeter())
    fill(store)
    store.close()
    return path


@pytest.fixture(scope="module")
def truth(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[object]]:
    path = tmp_path_factory.mktemp("truth") / "perfd.db"
    shutil.copy(sound, path)
    store = SqliteStore(path, SETTINGS, pace=1.0, clock=ManualClock(), meter=CountingMeter())
    found = answers(store)
    store.close()
    return found


@pytest.mark.parametrize("seed", range(6))
def test_a_flipped_bit_is_never_an_answer(
    sound: Path, truth: dict[str, set[object]], tmp_path: Path, seed: int
) -> None:
    survive(sound, tmp_path / "flip", truth, seed)


@pytest.mark.soak
@pytest.mark.slow
def test_no_flipped_bit_is_ever_an_answer(
    sound: Path, truth: dict[str, set[object]], tmp_path: Path
) -> None:
    outcomes = [survive(sound, tmp_path / "flip", truth, seed) for seed in range(100, 1100)]
    counted = {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}
    print(f"1000 flipped bits: {counted}")
    assert counted["less"] > 300, "the flips hit nothing"


def test_a_damaged_chunk_is_set_aside(
    open_store: OpenStore, path: Path, meter: CountingMeter
) -> None:
    store = open_store()
    fill(store)
    store.close()
    with sqlite3.connect(path) as connection:
        (key,) = connection.execute("SELECT min(key) FROM window_chunk").fetchone()
        connection.execute("UPDATE window_chunk SET body = zeroblob(90) WHERE key = ?", (key,))
    connection.close()
    store = open_store()
    before = len(store.windows(REQUESTS, {}, 0, 2 * NOON))
    assert meter.total("perfd_store_corruptions", what="window_chunk") == 1
    store.maintain(NOON + 4 * 3600)
    assert rows(store, "SELECT count(*) FROM damaged") == [(1,)]
    assert len(store.windows(REQUESTS, {}, 0, 2 * NOON)) == before
    assert meter.total("perfd_store_corruptions") == 1
    store.close()


def test_a_chunk_that_vanished_is_noticed(
    open_store: OpenStore, path: Path, meter: CountingMeter
) -> None:
    store = open_store()
    fill(store)
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute(
            "DELETE FROM window_chunk WHERE key = (SELECT max(key) FROM window_chunk)"
        )
    connection.close()
    store = open_store()
    store.windows(REQUESTS, {}, 0, 2 * NOON)
    assert meter.total("perfd_store_corruptions", what="window_chunk") == 1
    store.close()
