"""Who may do what, asked of real processes over real addresses: DESIGN section 9 as a matrix."""

from __future__ import annotations

import http.client
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import grpc
import psutil
import pytest

from perfd.sources.otlp_grpc import METHODS
from perfd.sources.otlp_http import PATHS
from perfd.web.access import Purpose
from tests import certificate
from tests.e2e.daemon import Running
from tests.e2e.spans import export_request
from tests.web.routes import TABLE, filled

pytestmark = pytest.mark.slow

TOKEN = "correct-horse-battery"
READ, CHANGE, PUSH = Purpose.READ, Purpose.CHANGE, Purpose.PUSH
ALL: set[Purpose] = {READ, CHANGE, PUSH}
NONE: set[Purpose] = set()

CREDENTIALS = {
    "none": {},
    "wrong": {"Authorization": "Bearer wrong-horse-battery"},
    "no UTF-8": {"Authorization": "Bearer \xff\xfe"},
    "right": {"Authorization": f"Bearer {TOKEN}"},
}
SENDERS = {
    "program": {},
    "own page": {"Origin": "http://{host}", "Sec-Fetch-Site": "same-origin"},
    "other page": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "rebound": {"Host": "evil.example:4040", "Origin": "http://evil.example:4040"},
}
SPANS = export_request("shop", "/cart", 3, random.Random(1))
OTLP = {"Content-Type": "application/x-protobuf"}


class Where(NamedTuple):
    """A configuration and the address that it is asked at."""

    listen: str
    token: bool
    reached: str

    @property
    def remote(self) -> bool:
        return self.listen == "0.0.0.0"


def outward() -> str:
    """An address of this machine that is not loopback."""
    found = [
        a.address
        for addresses in psutil.net_if_addrs().values()
        for a in addresses
        if a.family == socket.AF_INET and not a.address.startswith("127.")
    ]
    if not found:
        pytest.skip("this machine has no address but loopback")
    return found[0]


def allowed(where: Where, credential: str, sender: str) -> set[Purpose]:
    """The rule, said once more in other words than the code's."""
    if where.token and credential == "right":
        return ALL
    if where.remote:
        return NONE
    if sender == "rebound":
        return NONE
    if sender == "other page":
        return {READ}
    return {READ, PUSH} if where.token else ALL


class Door:
    """A daemon that is asked at one address."""

    def __init__(self, folder: Path, where: Where) -> None:
        token = folder / "token"
        token.write_text(TOKEN + "\n")
        token.chmod(0o600)
        auth = f"auth: {{token_file: {token}}}\n" if where.token else ""
        self.perfd = Running(folder, auth)
        ports = [a.rpartition(":")[2] for a in self._addresses()]
        names = ("HTTP", "OTLP_HTTP", "OTLP_GRPC")
        self.perfd._environment |= {
            f"PERFD_LISTEN__{name}": f"{where.listen}:{port}"
            for name, port in zip(names, ports, strict=True)
        }
        self.http, self.otlp_http, self.otlp_grpc = (f"{where.reached}:{p}" for p in ports)

    def _addresses(self) -> tuple[str, str, str]:
        return self.perfd.http, self.perfd.otlp_http, self.perfd.otlp_grpc

    def ask(self, address: str, method: str, path: str, headers: dict[str, str]) -> int:
        """The status of one request with an empty or OTLP body."""
        connection = http.client.HTTPConnection(address, timeout=10)
        try:
            sent = {k: v.format(host=address) for k, v in headers.items()}
            body = SPANS if path in PATHS else b"" if method == "POST" else None
            connection.request(method, path, body, sent)
            return connection.getresponse().status
        finally:
            connection.close()

    def export(self, headers: dict[str, str]) -> str:
        """The code of one gRPC export."""
        metadata = [(k.lower(), v) for k, v in headers.items()]
        path = next(path for path, signal_ in METHODS.items() if signal_ == "traces")
        with grpc.insecure_channel(self.otlp_grpc) as channel:
            try:
                channel.unary_unary(path)(SPANS, timeout=10, metadata=metadata)
            except grpc.RpcError as error:
                return str(error.code().name)
            return "OK"


@pytest.fixture(scope="module")
def here() -> str:
    return outward()


@pytest.fixture(scope="module", params=["local", "local-token", "remote", "remote-token"])
def door(request, tmp_path_factory, here) -> Iterator[tuple[Where, Door]]:  # type: ignore[no-untyped-def]
    remote, token = "remote" in request.param, "token" in request.param
    where = Where("0.0.0.0" if remote else "127.0.0.1", token, here if remote else "127.0.0.1")
    door = Door(tmp_path_factory.mktemp(request.param), where)
    door.perfd.start()
    yield where, door
    assert door.perfd.stop() == 0
    assert TOKEN not in door.perfd.log()
    assert "Traceback" not in door.perfd.log()


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("credential", CREDENTIALS)
def test_every_route(door: tuple[Where, Door], credential: str, sender: str) -> None:
    where, daemon = door
    headers = CREDENTIALS[credential] | SENDERS[sender]
    may = allowed(where, credential, sender)
    for (method, path), purpose in TABLE.items():
        if path == "/signin":
            continue
        status = daemon.ask(daemon.http, method, filled(path), headers)
        assert (status != 403) is (purpose is None or purpose in may), f"{method} {path}: {status}"
        assert status < 500


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("credential", CREDENTIALS)
def test_every_receiver(door: tuple[Where, Door], credential: str, sender: str) -> None:
    where, daemon = door
    headers = CREDENTIALS[credential] | SENDERS[sender]
    may = PUSH in allowed(where, credential, sender)
    for path, signal_ in PATHS.items():
        status = daemon.ask(daemon.otlp_http, "POST", path, headers | OTLP)
        built = signal_ != "profiles"
        expected = {200, 400} if may else {403}  # 400: spans are no metrics
        assert status in (expected if built else {501}), f"{path}: {status}"


@pytest.mark.parametrize("credential", [c for c in CREDENTIALS if c != "no UTF-8"])
def test_grpc_says_unauthenticated(door: tuple[Where, Door], credential: str) -> None:
    where, daemon = door
    may = PUSH in allowed(where, credential, "program")
    assert daemon.export(CREDENTIALS[credential]) == ("OK" if may else "UNAUTHENTICATED")


def test_loopback_alone_is_loopback_alone(door: tuple[Where, Door], here: str) -> None:
    where, daemon = door
    if where.remote:
        return
    for address in (daemon.http, daemon.otlp_http, daemon.otlp_grpc):
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((here, int(address.rpartition(":")[2])), 2).close()


def test_a_new_token_holds_after_a_reload(tmp_path: Path, here: str) -> None:
    daemon = Door(tmp_path, Where("0.0.0.0", True, here))
    new = "a-new-token-altogether"
    daemon.perfd.start()
    try:
        assert daemon.export(CREDENTIALS["right"]) == "OK"
        (tmp_path / "token").write_text("short")
        _reload(daemon, "the old configuration stays")
        assert daemon.export(CREDENTIALS["right"]) == "OK"
        (tmp_path / "token").write_text(new)
        _reload(daemon, "the configuration was reloaded")
        for headers, code, status in (
            (CREDENTIALS["right"], "UNAUTHENTICATED", 403),
            ({"Authorization": f"Bearer {new}"}, "OK", 200),
        ):
            assert daemon.export(headers) == code
            assert daemon.ask(daemon.otlp_http, "POST", "/v1/traces", headers | OTLP) == status
            assert daemon.ask(daemon.http, "GET", "/api/v1/tickets", headers) == status
    finally:
        daemon.perfd.stop()
    assert new not in daemon.perfd.log()


def _reload(daemon: Door, until: str) -> None:
    assert daemon.perfd.process is not None
    daemon.perfd.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + 10
    while until not in daemon.perfd.log():
        assert time.monotonic() < end, daemon.perfd.log()
        time.sleep(0.02)


def test_the_commands_show_token_and_certificate(tmp_path: Path) -> None:
    """With TLS that asks for a client's certificate on all three ports, and a token."""
    cert, key = certificate.made(tmp_path)
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o644)
    tls = f"{{cert_file: {cert}, key_file: {key}, client_ca_file: {cert}}}"
    perfd = Running(
        tmp_path,
        f"auth: {{token_file: {token}, tls: {tls}}}\n"
        f"otlp: {{http: {{tls: {tls}}}, grpc: {{tls: {tls}}}}}\n",
    )
    files = ("--ca-file", str(cert), "--cert-file", str(cert), "--key-file", str(key))
    asked = ("health", "--url", f"https://{perfd.http}", "--json")
    with (tmp_path / "perfd.log").open("ab") as log:
        perfd.process = subprocess.Popen(
            [sys.executable, "-m", "perfd", "run", "--config", str(perfd.config)],
            stdout=log,
            stderr=log,
        )
    try:
        end = time.monotonic() + 20
        while (found := says(*asked, *files)).returncode:
            assert time.monotonic() < end, found.stdout + perfd.log()
            time.sleep(0.1)
        assert says(*asked, "--ca-file", str(cert)).returncode == 1, "no client certificate"
        url = ("tickets", "--url", f"https://{perfd.http}", *files)
        assert "needs the token" in says(*url, "ack", "PERF-AAAAAA").stderr
        missing = says(*url, "ack", "PERF-AAAAAA", "--token-file", str(token))
        assert "here is no ticket" in missing.stderr
        missing = says(*url, "ack", "PERF-AAAAAA", PERFD_TOKEN=TOKEN)
        assert "here is no ticket" in missing.stderr
        for address in (perfd.http, perfd.otlp_http):
            plain = ssl.create_default_context(cafile=str(cert))
            with pytest.raises((OSError, http.client.HTTPException)):
                _get(http.client.HTTPSConnection(address, timeout=5, context=plain))
        doctor = says("doctor", "--config", str(perfd.config)).stdout
        assert f"{token} (mode 0644) is open to every user" in doctor
    finally:
        assert perfd.stop() == 0


def _get(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", "/healthz")
    return connection.getresponse().status


def says(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "perfd", *words],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={**os.environ, **environment},
    )
