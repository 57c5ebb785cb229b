import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfd.errors import BadInput, TooLarge
from perfd.model.profile import Profile
from perfd.model.series import Resource
from perfd.sources.pprof import Origin, open_pprof, read_pprof
from perfd.sources.sample_settings import ProfileSettings
from tests.sources.pprof_body import Writer

ORIGIN = Origin(Resource("shop"), "process_cpu", received_at=1_700_000_100.0)
LIMITS = ProfileSettings()


def read(writer: Writer, limits: ProfileSettings = LIMITS) -> list[Profile]:
    return read_pprof(writer.bytes(), ORIGIN, limits)[0]


def names(profile: Profile) -> list[str]:
    return [";".join(f.name for f in s.stack) for s in profile.samples]


def test_stacks_are_root_first_and_equal_ones_are_one() -> None:
    profile = Writer()
    main, work = profile.location(("main", "a.py")), profile.location(("work", "b.py"))
    profile.sample(main, work, values=[30_000_000])
    profile.sample(main, work, values=[20_000_000])
    profile.sample(main, values=[10_000_000])
    (cpu,) = read(profile)
    assert (cpu.type, cpu.unit, cpu.start, cpu.duration, cpu.items) == (
        "process_cpu:cpu",
        "nanoseconds",
        1_700_000_000.0,
        10.0,
        3,
    )
    assert names(cpu) == ["main;work", "main"]
    assert [(s.value, s.hits) for s in cpu.samples] == [(50_000_000, 5), (10_000_000, 1)]
    assert cpu.samples[0].stack[1].file == "b.py"


def test_inlined_functions_come_inside_their_caller() -> None:
    profile = Writer()
    profile.sample(profile.location(("inner", ""), ("outer", "")), values=[1])
    assert names(read(profile)[0]) == ["outer;inner"]


def test_an_adaptive_period_changes_hits_and_never_the_value() -> None:
    profile = Writer(period=2_043_000)
    profile.stack(["f"], 135_448_000)
    profile.stack(["g"], 300_000)
    (cpu,) = read(profile)
    assert [(s.value, s.hits) for s in cpu.samples] == [(135_448_000, 66), (300_000, 1)]


def test_a_period_that_no_sampler_has_does_not_make_many_hits() -> None:
    profile = Writer(period=1)
    profile.stack(["f"], 10_000_000)
    assert read(profile)[0].samples[0].hits == 100


def test_each_type_is_a_profile_and_in_use_is_instant() -> None:
    profile = Writer(types=[("alloc_space", "bytes"), ("inuse_space", "bytes")])
    profile.stack(["f"], 100, 0)
    profile.stack(["g"], 5, 7)
    allocated, used = read(profile)
    assert allocated.cumulative
    assert not used.cumulative
    assert [len(allocated.samples), len(used.samples)] == [2, 1]
    assert (allocated.items, used.items) == (2, 2)
    assert [s.hits for s in allocated.samples] == [1, 1]


def test_a_profile_without_a_time_ended_when_it_was_received() -> None:
    profile = Writer(start=0.0, duration=4.0)
    profile.stack(["f"], 1)
    assert read(profile)[0].start == ORIGIN.received_at - 4.0


def test_a_place_without_a_name_is_named_by_its_binary() -> None:
    profile = Writer()
    profile.message.mapping.add(id=7, filename=profile.text("/usr/lib/libc.so.6"))
    profile.message.location.add(id=1, mapping_id=7)
    profile.message.location.add(id=2)
    profile.sample(2, 1, values=[1])
    assert names(read(profile)[0]) == ["[unknown];[libc.so.6]"]


def test_of_a_deep_stack_the_middle_is_left_out_and_counted() -> None:
    profile = Writer()
    profile.stack([f"f{n}" for n in range(10)], 1)
    profiles, cuts = read_pprof(profile.bytes(), ORIGIN, ProfileSettings(max_depth=4))
    assert names(profiles[0]) == ["f0;f1;[truncated];f8;f9"]
    assert cuts["stack"] == 1


def test_a_long_name_is_cut_and_counted() -> None:
    profile = Writer()
    profile.stack(["n" * 600], 1)
    profiles, cuts = read_pprof(profile.bytes(), ORIGIN, LIMITS)
    assert names(profiles[0]) == ["n" * 512 + "…[+88 bytes]"]
    assert cuts["name"] == 1


def test_few_locations_cannot_spell_out_endless_stacks() -> None:
    profile = Writer()
    fat = profile.location(*[("f", "")] * 64)
    thin = profile.location(("g", ""))
    for n in range(70):
        profile.sample(*[fat] * 500, *[thin] * n, values=[1])
    with pytest.raises(TooLarge, match="2000000 frames"):
        read(profile)


def broken(what: str) -> Writer:
    profile = Writer()
    profile.stack(["f"], 1)
    message = profile.message
    match what:
        case "string":
            message.function[0].name = 99
        case "negative string":
            message.function[0].name = -1
        case "function":
            message.location[0].line[0].function_id = 9
        case "location":
            message.sample[0].location_id[0] = 9
        case "values":
            message.sample[0].value.append(1)
        case "negative":
            message.sample[0].value[0] = -1
        case "huge":
            message.sample[0].value[0] = 1 << 60
        case "types":
            del message.sample_type[:]
        case "duration":
            message.duration_nanos = -1
    return profile


@pytest.mark.parametrize(
    "what",
    [
        "string",
        "negative string",
        "function",
        "location",
        "values",
        "negative",
        "huge",
        "types",
        "duration",
    ],
)
def test_a_profile_that_contradicts_itself_is_refused(what: str) -> None:
    with pytest.raises(BadInput):
        read(broken(what))


def test_a_profile_may_be_gzipped_and_is_counted_before_it_is_parsed() -> None:
    profile = Writer()
    profile.stack(["f"], 1)
    plain = profile.bytes()
    assert open_pprof(gzip.compress(plain), 1 << 20, 10) == (plain, 1)
    with pytest.raises(TooLarge):
        open_pprof(gzip.compress(bytes(1 << 21)), 1 << 20, 10)
    with pytest.raises(TooLarge):
        open_pprof(b"\x12\x00" * 11, 1 << 20, 10)


@given(st.binary(max_size=200))
def test_any_bytes_give_bad_input_or_profiles(raw: bytes) -> None:
    try:
        plain, _ = open_pprof(raw, 1 << 20, 1000)
        profiles, _ = read_pprof(plain, ORIGIN, LIMITS)
    except BadInput:
        return
    assert all(isinstance(profile, Profile) for profile in profiles)


@given(st.integers(0, 2**31), st.integers(0, 255))
def test_any_changed_byte_gives_bad_input_or_profiles(at: int, put: int) -> None:
    profile = Writer()
    profile.stack(["main", "work", "quote"], 30_000_000)
    profile.stack(["main", "idle"], 10_000_000)
    raw = bytearray(profile.bytes())
    raw[at % len(raw)] = put
    test_any_bytes_give_bad_input_or_profiles.hypothesis.inner_test(bytes(raw))
