"""Certificates that are renewed while perfd runs."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from pathlib import Path

import grpc
import pytest

from perfd.sources.otlp_grpc import METHODS, OtlpGrpc
from perfd.sources.otlp_http import OtlpHttp
from perfd.sources.settings import OtlpGrpcSettings, OtlpHttpSettings, OtlpSettings
from perfd.tls.server import Newest, read_context, read_pem, server_context
from perfd.tls.settings import TlsSettings
from tests import certificate
from tests.sources.rig import Rig
from tests.sources.telemetry_bodies import traces

TRACES = next(path for path, signal in METHODS.items() if signal == "traces")


class Files:
    """The certificate that perfd is told of, and another one to put in its place."""

    def __init__(self, folder: Path) -> None:
        (folder / "old").mkdir()
        (folder / "new").mkdir()
        self.old = certificate.made(folder / "old")
        self.new = certificate.made(folder / "new")
        self.served = folder / "cert.pem", folder / "key.pem"
        self.replace(0, self.old)
        self.replace(1, self.old)
        self.tls = TlsSettings(cert_file=str(self.served[0]), key_file=str(self.served[1]))

    def replace(self, part: int, by: tuple[Path, Path]) -> None:
        """As a renewal does: another file under the same name."""
        beside = self.served[part].with_suffix(".tmp")
        shutil.copy(by[part], beside)
        beside.replace(self.served[part])

    def renew(self) -> None:
        self.replace(1, self.new)
        self.replace(0, self.new)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_nothing_is_read_twice_without_a_change(files: Files) -> None:
    newest = Newest(files.tls, read_pem)
    assert newest.get() is newest.get()


def test_a_renewed_certificate_is_taken(files: Files) -> None:
    newest = Newest(files.tls, read_pem)
    files.renew()
    assert newest.get().certificate == files.new[0].read_bytes()


def test_a_key_without_its_certificate_leaves_the_old_pair(files: Files) -> None:
    newest = Newest(files.tls, read_pem)
    files.replace(1, files.new)
    assert newest.get().key == files.old[1].read_bytes()
    files.replace(0, files.new)
    assert newest.get().key == files.new[1].read_bytes()


def test_a_certificate_that_is_gone_leaves_the_old_one(files: Files) -> None:
    newest = Newest(files.tls, read_context)
    held = newest.get()
    files.served[0].unlink()
    assert newest.get() is held


def test_a_certificate_that_holds_its_key(files: Files, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(files.old[1].read_bytes() + files.old[0].read_bytes())
    tls = TlsSettings(cert_file=str(both))
    assert server_context(tls) is not None
    assert read_pem(tls).key == read_pem(tls).certificate


async def shown(address: str) -> bytes:
    """The certificate that a port shows to who connects without a server's name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    host, _, port = address.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    seen = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return bytes(seen)


def der(pair: tuple[Path, Path]) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair[0].read_text())


def settings(files: Files) -> OtlpSettings:
    return OtlpSettings(
        drain_timeout=0.05,
        http=OtlpHttpSettings(tls=files.tls),
        grpc=OtlpGrpcSettings(tls=files.tls),
    )


async def test_http_shows_the_renewed_certificate(files: Files) -> None:
    async with Rig(OtlpHttp, settings(files)) as rig:
        assert await shown(rig.address) == der(files.old)
        files.renew()
        assert await shown(rig.address) == der(files.new)


async def test_grpc_shows_the_renewed_certificate(files: Files) -> None:
    async with Rig(OtlpGrpc, settings(files)) as rig:
        await _exported(rig.address, files.old)
        files.renew()
        await _exported(rig.address, files.new)
        with pytest.raises(grpc.aio.AioRpcError):
            await _exported(rig.address, files.old)


async def _exported(address: str, trusted: tuple[Path, Path]) -> None:
    """Send spans to a server that must show the trusted certificate."""
    credentials = grpc.ssl_channel_credentials(trusted[0].read_bytes())
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.secure_channel(address, credentials, options) as channel:
        await channel.unary_unary(TRACES)(traces(1), timeout=5)
