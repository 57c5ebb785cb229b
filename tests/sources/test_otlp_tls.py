"""Both receivers with a certificate, and with one asked of clients."""

import shutil
import ssl
import subprocess

import aiohttp
import grpc
import pytest

from perfd.sources.otlp_grpc import METHODS, OtlpGrpc
from perfd.sources.otlp_http import OtlpHttp
from perfd.sources.settings import OtlpGrpcSettings, OtlpHttpSettings, OtlpSettings
from perfd.tls.settings import TlsSettings
from tests.sources.rig import Rig
from tests.sources.telemetry_bodies import PROTOBUF, traces

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="makes its certificates with openssl")
TRACES = next(path for path, signal in METHODS.items() if signal == "traces")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A self-signed certificate for 127.0.0.1, which is also its own authority."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *(OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *(
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=perfd",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
            ),
            *("-keyout", key, "-out", cert),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


def settings(pair, client_ca_file=""):
    cert, key = map(str, pair)
    tls = TlsSettings(cert_file=cert, key_file=key, client_ca_file=client_ca_file)
    return OtlpSettings(
        drain_timeout=0.05, http=OtlpHttpSettings(tls=tls), grpc=OtlpGrpcSettings(tls=tls)
    )


async def send_http(rig, context):
    url, headers = f"https://{rig.address}/v1/traces", {"Content-Type": PROTOBUF}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=traces(1), headers=headers, ssl=context) as answer,
    ):
        return answer.status


async def send_grpc(rig, cert, key=None):
    chain = cert.read_bytes() if key else None
    credentials = grpc.ssl_channel_credentials(
        cert.read_bytes(), key.read_bytes() if key else None, chain
    )
    async with grpc.aio.secure_channel(rig.address, credentials) as channel:
        return await channel.unary_unary(TRACES)(traces(1), timeout=2)


async def test_http_over_tls(pair):
    cert, _ = pair
    async with Rig(OtlpHttp, settings(pair)) as rig:
        assert await send_http(rig, ssl.create_default_context(cafile=cert)) == 200


async def test_http_asks_for_a_certificate(pair):
    cert, key = pair
    async with Rig(OtlpHttp, settings(pair, str(cert))) as rig:
        context = ssl.create_default_context(cafile=cert)
        with pytest.raises(aiohttp.ClientError):
            await send_http(rig, context)
        context.load_cert_chain(cert, key)
        assert await send_http(rig, context) == 200
        assert rig.count("offered") == 1


async def test_grpc_over_tls(pair):
    cert, _ = pair
    async with Rig(OtlpGrpc, settings(pair)) as rig:
        assert await send_grpc(rig, cert) == b""


async def test_grpc_asks_for_a_certificate(pair):
    cert, key = pair
    async with Rig(OtlpGrpc, settings(pair, str(cert))) as rig:
        with pytest.raises(grpc.aio.AioRpcError):
            await send_grpc(rig, cert)
        assert await send_grpc(rig, cert, key) == b""
        assert rig.count("offered") == 1


@pytest.mark.parametrize("kind", [OtlpHttp, OtlpGrpc])
async def test_a_missing_certificate_is_an_os_error(kind, tmp_path):
    missing = (tmp_path / "cert.pem", tmp_path / "key.pem")
    with pytest.raises(OSError, match=r"No such file"):
        await Rig(kind, settings(missing)).receiver.start()
