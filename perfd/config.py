"""The configuration: one strict YAML file, overridden by `PERFD_SECTION__KEY`.

Each room owns the structs of its section; here they are put together, and every problem of a file
is found at once, with its line. A duration is written `5m`, a size `64MiB`.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
import yaml

from perfd.aggregate.settings import AggregateSettings
from perfd.detect.settings import DetectSettings
from perfd.errors import ConfigError
from perfd.forward.settings import AgentSettings, ForwardSettings
from perfd.model.units import Unit
from perfd.sources.sample_settings import ProfileSettings, SampleSettings
from perfd.sources.settings import OtlpSettings
from perfd.store.settings import StoreSettings
from perfd.telemetry import TelemetrySettings
from perfd.tickets.settings import TicketSettings
from perfd.web.settings import AuthSettings, WebSettings

ENVIRONMENT_PREFIX = "PERFD_"
# Read by the commands (connection.py and configuration.py).
NOT_SETTINGS = frozenset(
    f"PERFD_{name}"
    for name in ("CONFIG", "URL", "TOKEN", "TOKEN_FILE", "CA_FILE", "CERT_FILE", "KEY_FILE")
)
SMALLEST_BASE_WINDOW = 0.1  # seconds; below that a window holds nothing but its own overhead

_DURATION = {"us": 1e-6, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIZE = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "kB": 10**3, "MB": 10**6}
_SIZE["GB"] = 10**9
_UNITS: Mapping[str, Mapping[str, float]] = {"duration": _DURATION, "size": _SIZE}
_EXAMPLE = {"duration": "5m", "size": "64MiB"}


class Listen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Addresses as host:port; an empty one switches that door off."""

    http: str = "127.0.0.1:4040"
    otlp_http: str = "127.0.0.1:4318"
    otlp_grpc: str = "127.0.0.1:4317"


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything a user can set; config/perfd.yaml repeats the defaults in words."""

    listen: Listen = Listen()
    auth: AuthSettings = AuthSettings()
    data_dir: str = "perfd-data"
    durability: Literal["fsync", "os", "memory"] = "fsync"
    pace: float = 1.0
    otlp: OtlpSettings = OtlpSettings()
    profiles: ProfileSettings = ProfileSettings()
    sample: SampleSettings = SampleSettings()
    aggregate: AggregateSettings = AggregateSettings()
    store: StoreSettings = StoreSettings()
    detect: DetectSettings = DetectSettings()
    tickets: TicketSettings = TicketSettings()
    forward: ForwardSettings = ForwardSettings()
    agents: AgentSettings = AgentSettings()
    web: WebSettings = WebSettings()
    telemetry: TelemetrySettings = TelemetrySettings()


Keys = tuple[str, ...]
Lines = dict[Keys, int]


def load(file: Path | None, environment: Mapping[str, str]) -> Config:
    """The configuration of a file and the environment. Raises ConfigError with every problem."""
    values, lines, name = _read(file)
    problems = [f"{name}: {problem}" for problem in _override(values, environment)]
    config = _build(Config, values, (), problems, _Where(name, lines))
    if not problems:
        problems += [f"{name}: {problem}" for problem in _rules(config)]
    if problems:
        raise ConfigError(problems)
    return typing.cast(Config, config)


def _rules(config: Config) -> Iterator[str]:
    """What no single type can say."""
    if not config.pace >= 1:
        yield f"pace: {config.pace:g} is below 1"
    elif 10.0 / config.pace < SMALLEST_BASE_WINDOW:
        yield f"pace: {config.pace:g} makes base windows shorter than 100 ms; at most 100"
    for key in ("http", "otlp_http", "otlp_grpc"):
        address = getattr(config.listen, key)
        if address and not re.fullmatch(r".*:\d{1,5}", address):
            yield f"listen.{key}: {address!r} is not host:port"
    if not config.listen.http:
        yield "listen.http: the pages and the API cannot be switched off"


# --- reading --------------------------------------------------------------------------------------


def _read(file: Path | None) -> tuple[dict[str, Any], Lines, str]:
    if file is None:
        return {}, {}, "environment"
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{file}: cannot be read: {error}"]) from error
    except yaml.YAMLError as error:
        raise ConfigError([f"{file}: {_yaml_words(error)}"]) from error
    if node is None:
        return {}, {}, str(file)
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError([f"{file}:1: expected sections such as `listen:`"])
    lines: Lines = {}
    problems: list[str] = []
    values = _plain(node, (), lines, problems)
    if problems:
        raise ConfigError([f"{file}:{problem}" for problem in problems])
    return values, lines, str(file)


def _yaml_words(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    words = getattr(error, "problem", None) or str(error)
    return f"{mark.line + 1}: {words}" if mark else words


def _plain(node: yaml.Node, path: Keys, lines: Lines, problems: list[str]) -> Any:
    """A YAML node as plain values; remembers each key's line and refuses a key given twice."""
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in result:
                problems.append(f"{key_node.start_mark.line + 1}: {key!r} is given twice")
            lines[(*path, key)] = key_node.start_mark.line + 1
            result[key] = _plain(value_node, (*path, key), lines, problems)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_plain(n, (*path, str(i)), lines, problems) for i, n in enumerate(node.value)]
    return yaml.SafeLoader("").construct_object(node, deep=True)


def _override(values: dict[str, Any], environment: Mapping[str, str]) -> Iterator[str]:
    """Put `PERFD_LISTEN__HTTP=…` over the file's values."""
    for name in sorted(environment):
        if not name.startswith(ENVIRONMENT_PREFIX) or _is_no_setting(name):
            continue
        keys = name[len(ENVIRONMENT_PREFIX) :].lower().split("__")
        at = values
        for key in keys[:-1]:
            at = at.setdefault(key, {})
            if not isinstance(at, dict):
                yield f"{name}: {key} is not a section"
                break
        else:
            at[keys[-1]] = yaml.safe_load(environment[name])


def _is_no_setting(name: str) -> bool:
    """What the commands read, and what Kubernetes sets beside a Service named perfd."""
    return name in NOT_SETTINGS or name.startswith(("PERFD_SERVICE_", "PERFD_PORT"))


# --- checking -------------------------------------------------------------------------------------


class _Where(typing.NamedTuple):
    file: str
    lines: Lines

    def say(self, path: Keys, words: str) -> str:
        near = next((p for n in range(len(path), 0, -1) if (p := path[:n]) in self.lines), ())
        line = self.lines.get(near)
        place = f"{self.file}:{line}" if line else self.file
        return f"{place}: {'.'.join(path)}: {words}"


def _build(type_: Any, value: Any, path: Keys, problems: list[str], where: _Where) -> Any:
    """`value` as `type_`; every problem below it is noted, not only the first."""
    unit = _unit(type_)
    if unit is not None and isinstance(value, str):
        try:
            value = measure(value, unit)
        except ValueError as error:
            problems.append(where.say(path, str(error)))
            return None
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        return _struct(type_, value, path, problems, where)
    if get_origin(type_) in (list, tuple) and isinstance(value, list):
        return _sequence(type_, value, path, problems, where)
    choice = _tagged(type_, value)
    if choice is not None:
        return _struct(choice, value, path, problems, where)
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        problems.append(where.say(path, str(error).split(" - at")[0]))
        return None


def _struct(
    type_: type[msgspec.Struct], value: Any, path: Keys, problems: list[str], where: _Where
) -> Any:
    if value is None:
        value = {}  # an empty section means its defaults
    if not isinstance(value, dict):
        problems.append(where.say(path, f"expected a section, got {type(value).__name__}"))
        return None
    fields = {f.encode_name: f for f in msgspec.structs.fields(type_)}
    tag = type_.__struct_config__.tag_field
    before = len(problems)
    built: dict[str, Any] = {}
    for key, inner in value.items():
        if key == tag:
            continue
        if key not in fields:
            problems.append(where.say((*path, key), _unknown(key, fields)))
            continue
        built[fields[key].name] = _build(fields[key].type, inner, (*path, key), problems, where)
    missing = [n for n, f in fields.items() if f.required and n not in value]
    problems.extend(where.say((*path, name), "is required") for name in missing)
    if len(problems) > before:
        return None
    try:
        return type_(**built)
    except (ValueError, TypeError) as error:  # a rule of the section's own __post_init__
        problems.append(where.say(path, str(error)))
        return None


def _sequence(type_: Any, value: list[Any], path: Keys, problems: list[str], where: _Where) -> Any:
    inner = get_args(type_)[0]
    items = [_build(inner, v, (*path, str(i)), problems, where) for i, v in enumerate(value)]
    return get_origin(type_)(items)


def _tagged(type_: Any, value: Any) -> type[msgspec.Struct] | None:
    """The member of a union of tagged structs that `value` names."""
    if get_origin(type_) not in (Union, types.UnionType) or not isinstance(value, dict):
        return None
    structs = [t for t in get_args(type_) if isinstance(t, type) and issubclass(t, msgspec.Struct)]
    for struct in structs:
        config = struct.__struct_config__
        if config.tag_field and value.get(config.tag_field) == config.tag:
            return struct
    return structs[0] if len(structs) == 1 else None


def _unit(type_: Any) -> str | None:
    """The unit of an annotated number, also inside `… | None`."""
    if get_origin(type_) is Annotated:
        return next((m.name for m in get_args(type_)[1:] if isinstance(m, Unit)), None)
    if get_origin(type_) in (Union, types.UnionType):
        return next((unit for member in get_args(type_) if (unit := _unit(member))), None)
    return None


def measure(text: str, unit: str) -> float | int:
    """`"5m"` as seconds or `"64MiB"` as bytes; `"1h30m"` adds up. Raises ValueError."""
    factors = _UNITS[unit]
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)", text)
    rest = re.sub(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)", "", text).strip()
    if not parts or rest or any(name not in factors for _, name in parts):
        known = ", ".join(factors)
        raise ValueError(f"{text!r} is not a {unit}; write {_EXAMPLE[unit]} (units: {known})")
    total = sum(float(number) * factors[name] for number, name in parts)
    return int(total) if unit == "size" else total


def _unknown(key: str, fields: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(key, fields, n=1)
    return f"unknown key{f'; did you mean {close[0]!r}?' if close else ''}"
