"""`perfd doctor`: what could stop perfd from working here, said before it does."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from perfd.commands import access
from perfd.commands.configuration import add_config_option, read_config

if TYPE_CHECKING:
    from perfd.config import Config

ENOUGH_DISK = 1 << 30
OLDEST_SQLITE = (3, 24, 0)  # the first with upsert


class Diagnosis(NamedTuple):
    """One thing that was looked at; `level` is ok, note (works, but less) or bad."""

    level: str
    subject: str
    words: str


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Exit 0 when nothing is bad, 1 when something is, 2 on a bad configuration."""
    config = read_config(args)
    if config is None:
        return 2
    found = [diagnosis for look in LOOKS for diagnosis in look(config)]
    if args.json:
        print(json.dumps([d._asdict() for d in found], indent=2))
    else:
        for diagnosis in found:
            print(f"{diagnosis.level:<5} {diagnosis.subject:<12} {diagnosis.words}")
    return 1 if any(d.level == "bad" for d in found) else 0


def _protobuf(_: Config) -> Iterator[Diagnosis]:
    from google.protobuf.internal import api_implementation

    if api_implementation.Type() == "upb":
        yield Diagnosis("ok", "protobuf", "decodes with upb")
    else:
        words = "pure Python, about 140 times slower; use a glibc system (not Alpine)"
        yield Diagnosis("bad", "protobuf", words)


def _sqlite(_: Config) -> Iterator[Diagnosis]:
    version = sqlite3.sqlite_version
    level = "ok" if sqlite3.sqlite_version_info >= OLDEST_SQLITE else "bad"
    yield Diagnosis(level, "sqlite", f"{version}; 3.24 or newer is needed")


def _ports(config: Config) -> Iterator[Diagnosis]:
    for name in ("http", "otlp_http", "otlp_grpc"):
        address = getattr(config.listen, name)
        if not address:
            yield Diagnosis("note", "port", f"listen.{name} is off")
            continue
        yield _port(name, address)


def _port(name: str, address: str) -> Diagnosis:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_server((host.strip("[]") or "0.0.0.0", int(port))):  # noqa: S104
            return Diagnosis("ok", "port", f"{address} is free for listen.{name}")
    except OSError as error:
        words = f"{address} (listen.{name}): {error.strerror}; is perfd already running?"
        return Diagnosis("bad", "port", words)


def _data_dir(config: Config) -> Iterator[Diagnosis]:
    path = Path(config.data_dir)
    place = path if path.exists() else path.absolute().parent
    if not os.access(place, os.W_OK):
        yield Diagnosis("bad", "data_dir", f"{place} cannot be written by this user")
        return
    free = shutil.disk_usage(place).free
    level = "ok" if free >= ENOUGH_DISK else "note"
    yield Diagnosis(level, "data_dir", f"{path.absolute()}: {free / 2**30:.1f} GiB free")


def _cgroup(_: Config) -> Iterator[Diagnosis]:
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        yield Diagnosis("ok", "cgroup", "v2: containers' CPU, throttling and memory are seen")
    else:
        yield Diagnosis("note", "cgroup", "no cgroup v2 here: containers' limits are not seen")


def _access(config: Config) -> Iterator[Diagnosis]:
    bad = [*access.closed_doors(config), *access.unusable_files(config)]
    weak = [*access.plain_doors(config), *access.exposed_files(config)]
    yield from (Diagnosis("bad", "access", words) for words in bad)
    yield from (Diagnosis("note", "access", words) for words in weak)
    if not bad and not weak:
        token = "the token is asked for" if config.auth.token_file else "loopback only"
        yield Diagnosis("ok", "access", token)


LOOKS: tuple[Callable[[Config], Iterator[Diagnosis]], ...] = (
    _protobuf,
    _sqlite,
    _ports,
    _data_dir,
    _cgroup,
    _access,
)
