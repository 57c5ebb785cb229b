"""A receiver that is made when somebody connects."""

from __future__ import annotations

import asyncio

import pytest

from perfd.sources.on_demand import OnDemand
from tests.e2e.daemon import free_ports


class Greeter:
    """A receiver that greets."""

    name = "greeter"

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._greet, "127.0.0.1", self._port)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _greet(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()


async def said(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await reader.read()
    finally:
        writer.close()


async def test_it_is_made_with_the_first_connection_and_once() -> None:
    (port,) = free_ports(1)
    made: list[Greeter] = []

    def make() -> Greeter:
        made.append(Greeter(port))
        return made[-1]

    door = OnDemand("greeter", f"127.0.0.1:{port}", make)
    await door.start()
    assert not made
    assert set(await asyncio.gather(*(said(port) for _ in range(3)))) == {b""}
    assert await said(port) == b"hello"
    assert len(made) == 1
    await door.stop()
    with pytest.raises(ConnectionRefusedError):
        await said(port)


async def test_a_taken_port_is_said_at_the_start() -> None:
    (port,) = free_ports(1)
    first = OnDemand("first", f"127.0.0.1:{port}", lambda: Greeter(port))
    await first.start()
    with pytest.raises(OSError, match="in use"):
        await OnDemand("second", f"127.0.0.1:{port}", lambda: Greeter(port)).start()
    await first.stop()


async def test_it_stops_though_nobody_ever_came() -> None:
    (port,) = free_ports(1)
    door = OnDemand("greeter", f"127.0.0.1:{port}", lambda: Greeter(port))
    await door.start()
    await door.stop()
    with pytest.raises(ConnectionRefusedError):
        await said(port)
