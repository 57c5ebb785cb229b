"""Shipments as MessagePack: arrays without names, each series once, rows by minute number.

Everything is checked while it is decoded: a body that is taken holds finite numbers, counts that
are not negative, and ids that are what they say, since functions and nodes travel by content.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated

import msgspec

from perfd.errors import BadInput
from perfd.forward.rows import Book, GaugeRow, ProfileRow, Rows, ShownRow, WindowRow, rows_of
from perfd.model.agent import Agent
from perfd.model.deploy import Deploy
from perfd.model.partial import Partial, Shipment
from perfd.model.profile import Function, Node, Symbols

_MOST = (1 << 63) - 1
_Id = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]
_Cursor = Annotated[int, msgspec.Meta(ge=-1, le=_MOST)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]
_Name = Annotated[str, msgspec.Meta(max_length=1024)]
_Symbol = Annotated[str, msgspec.Meta(max_length=4096)]


class _Agent(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    writer: _Id
    name: _Name
    version: _Name
    started_at: float
    through: float
    waiting: _Count
    dropped: _Count
    leaving: bool


class _Content(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """`nodes` are (parent id, place in `functions`), parents first."""

    agent: _Agent
    after: _Cursor
    upto: _Cursor
    width: Annotated[float, msgspec.Meta(gt=0)]
    series: list[tuple[_Name, list[tuple[_Name, _Name]]]]
    windows: list[WindowRow]
    gauges: list[GaugeRow]
    profiles: list[ProfileRow]
    shown: list[ShownRow]
    functions: list[tuple[_Symbol, _Symbol, _Count]]
    nodes: list[tuple[_Id, _Count]]
    deploys: list[Deploy]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Content).decode


def encode(shipment: Shipment) -> bytes:
    """The content of a body."""
    book, rows = Book(), Rows()
    for partial in shipment.partials:
        rows.add(partial, book, shipment.width)
    functions, nodes = _symbols(shipment.symbols)
    a = shipment.agent
    agent = _Agent(
        a.writer, a.name, a.version, a.started_at, a.through, a.waiting, a.dropped, a.leaving
    )
    head = agent, shipment.after, shipment.upto, shipment.width, book.entries()
    of_kinds = rows.windows, rows.gauges, rows.profiles, rows.shown
    return _encode(_Content(*head, *of_kinds, functions, nodes, list(shipment.deploys)))


def decode(content: bytes) -> Shipment:
    """The shipment again. Raises BadInput, and nothing else."""
    try:
        c = _decode(content)
        partials = tuple(_partials(c))
        symbols = _dictionary(c)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadInput(f"the body is not a shipment: {error}") from None
    except IndexError:
        raise BadInput("the body refers to a series or function that it does not hold") from None
    numbers = c.agent.started_at, c.agent.through, c.width, *(d.at for d in c.deploys)
    if not all(map(math.isfinite, numbers)):
        raise BadInput("the body holds a time that is not a number")
    agent = Agent(*msgspec.structs.astuple(c.agent))
    return Shipment(agent, c.upto, c.width, partials, symbols, tuple(c.deploys), after=c.after)


def _partials(content: _Content) -> Iterator[Partial]:
    book = Book.of(content.series)
    of_kinds = content.windows, content.gauges, content.profiles, content.shown
    for rows in of_kinds:
        yield from rows_of(rows, book, content.width)


def _symbols(symbols: Symbols) -> tuple[list[tuple[str, str, int]], list[tuple[int, int]]]:
    """Functions, and nodes by the place of their function, with parents before children."""
    places = {key: place for place, key in enumerate(symbols.functions)}
    functions = [(f.name, f.file, max(f.line, 0)) for f in symbols.functions.values()]
    nodes = [(n.parent, places[n.function]) for n in symbols.nodes.values()]
    return functions, nodes


def _dictionary(content: _Content) -> Symbols:
    symbols = Symbols()
    functions = [Function(*parts) for parts in content.functions]
    ids = [function.id for function in functions]
    symbols.functions.update(zip(ids, functions, strict=True))
    for parent, place in content.nodes:
        node = Node(parent, ids[place])
        symbols.nodes[node.id] = node
    return symbols
