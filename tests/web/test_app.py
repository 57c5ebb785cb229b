"""The life of the port: listens where it is told, says where, stops twice, speaks TLS."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from perfd.tls.settings import TlsSettings
from perfd.web.app import WebApp
from perfd.web.credentials import server_context
from perfd.web.settings import WebSettings
from tests.web.world import empty_world


def made(listen: str = "127.0.0.1:0", **more: Any) -> WebApp:
    context = empty_world().context
    same = ("store", "desk", "live", "board", "access", "clock", "meter", "totals")
    parts = {name: getattr(context, name) for name in same}
    return WebApp(listen=listen, render_metrics=context.render_metrics, **parts, **more)


async def test_it_listens_on_any_port_and_says_which() -> None:
    app = made()
    assert app.address == ""
    await app.start()
    async with ClientSession() as session, session.get(f"{app.address}/healthz") as answer:
        assert await answer.json() == {"status": "ok"}
    await app.stop()
    await app.stop()


async def test_stop_without_start() -> None:
    await made().stop()


async def test_a_taken_port_is_an_error_and_leaves_nothing_behind() -> None:
    first = made()
    await first.start()
    second = made(first.address.removeprefix("http://"))
    with pytest.raises(OSError, match="address already in use"):
        await second.start()
    await first.stop()


async def test_routes_of_others_are_mounted() -> None:
    async def push(_: web.Request) -> web.Response:
        return web.Response(text="taken")

    app = made(extra_routes=[web.post("/ingest", push)])
    await app.start()
    async with ClientSession() as session, session.post(f"{app.address}/ingest") as answer:
        assert await answer.text() == "taken"
    await app.stop()


async def test_a_public_address_is_written_into_links() -> None:
    app = made(settings=WebSettings(public_url="https://perfd.example/"))
    await app.start()
    assert app.address == "https://perfd.example"
    await app.stop()


@pytest.mark.needs_package
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
async def test_it_speaks_tls(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = (
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-keyout", key, "-out", certificate, "-days", "1", "-subj", "/CN=127.0.0.1",
        "-addext", "subjectAltName=IP:127.0.0.1",
    )  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)  # noqa: ASYNC221 - milliseconds
    tls = server_context(TlsSettings(cert_file=str(certificate), key_file=str(key)))
    app = made(tls=tls)
    await app.start()
    trusted = ssl.create_default_context(cafile=str(certificate))
    url = f"{app.address}/healthz"
    async with ClientSession() as session, session.get(url, ssl=trusted) as answer:
        assert answer.status == 200
    assert app.address.startswith("https://127.0.0.1:")
    await app.stop()
