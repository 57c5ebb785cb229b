import asyncio
import gzip
from contextlib import asynccontextmanager

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from perfd.errors import Overloaded, StoreError
from perfd.sources.otlp_decode import OtlpDecoder
from perfd.sources.otlp_grpc import METHODS, OtlpGrpc
from perfd.sources.settings import OtlpGrpcSettings, OtlpSettings
from tests.fakes import CountingMeter
from tests.sources.rig import Rejecting, Rig
from tests.sources.telemetry_bodies import BODIES, bad_bodies, empty_spans, traces

LIMIT = 8 << 20
SETTINGS = OtlpSettings(max_request_body_size=LIMIT)
PATHS = {signal: path for path, signal in METHODS.items()}
PLAIN = {
    name: (body, reason)
    for name, (body, media, encoding, _, reason) in bad_bodies(LIMIT).items()
    if "json" not in media and not encoding and "text/" not in media and name != "oversized"
}


@asynccontextmanager
async def channel(rig):
    async with grpc.aio.insecure_channel(rig.address) as open_channel:
        yield open_channel


async def export(rig, body, signal="traces", **options):
    async with channel(rig) as open_channel:
        return await open_channel.unary_unary(PATHS[signal])(body, **options)


async def refusal(rig, body, **options) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await export(rig, body, **options)
    return caught.value


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
async def test_what_is_accepted_is_handed_on_plain(signal, compression):
    async with Rig(OtlpGrpc) as rig:
        assert await export(rig, BODIES[signal](7), signal, compression=compression) == b""
        (delivery,) = rig.intake.deliveries
        assert (delivery.signal, delivery.encoding) == (signal, "")
        assert (delivery.body, delivery.items) == (BODIES[signal](7), 7)
        assert rig.count("accepted", signal=signal, transport="grpc") == 7
        assert rig.codes() == ["OK"]
        rig.check_identity()


@pytest.mark.parametrize("name", PLAIN)
async def test_bad_bodies_are_invalid_and_counted(name):
    body, reason = PLAIN[name]
    async with Rig(OtlpGrpc, SETTINGS) as rig:
        error = await refusal(rig, body)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert error.details()
        assert error.trailing_metadata() == ()
        assert rig.reasons("rejected") == {reason}
        rig.check_identity()


@pytest.mark.parametrize(
    ("body", "compression"),
    [
        (empty_spans(2_100_000), grpc.Compression.Gzip),
        (bytes(LIMIT + 1), grpc.Compression.NoCompression),
        (bytes(LIMIT * 4), grpc.Compression.Gzip),
    ],
    ids=["2.1 million spans", "oversized", "a zip bomb"],
)
async def test_what_is_too_large_is_never_to_be_retried(body, compression):
    async with Rig(OtlpGrpc, SETTINGS) as rig:
        error = await refusal(rig, body, compression=compression)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert error.trailing_metadata() == ()
        await rig.settled()
        assert rig.reasons("rejected") == {"too_large"}
        rig.check_identity()


async def test_gzip_that_is_none_is_counted():
    async with Rig(OtlpGrpc) as rig, channel(rig) as open_channel:
        call = open_channel.unary_unary(PATHS["traces"])
        packed = gzip.compress(traces(1))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(packed)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        rig.check_identity()


async def test_methods_that_are_not_there_are_unimplemented():
    async with Rig(OtlpGrpc) as rig, channel(rig) as open_channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await open_channel.unary_unary("/opentelemetry.proto.Profiles/Export")(b"")
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("error", "seconds", "reason"),
    [
        (Overloaded("the log is full", 2.5), 2.5, "overloaded"),
        (StoreError("disk /dev/sda1 is gone"), 5.0, "fault"),
        (KeyError("bug"), 5.0, "fault"),
    ],
)
async def test_what_is_refused_for_now_says_when_to_retry_in_both_ways(error, seconds, reason):
    async with Rig(OtlpGrpc) as rig:
        rig.intake.raises = [error]
        refused = await refusal(rig, traces(5))
        assert refused.code() is grpc.StatusCode.UNAVAILABLE
        assert "sda1" not in refused.details()
        trailers = dict(refused.trailing_metadata())
        info = RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"])
        assert info.retry_delay.ToTimedelta().total_seconds() == seconds
        status = Status.FromString(trailers["grpc-status-details-bin"])
        assert (status.code, status.message) == (14, refused.details())
        detail = RetryInfo()
        assert status.details[0].Unpack(detail)
        assert detail == info
        assert rig.count("refused", reason=reason) == 5
        rig.check_identity()


async def test_partial_success_says_what_was_rejected():
    decoder = Rejecting(OtlpDecoder(OtlpSettings(), CountingMeter()), rejected=2)
    async with Rig(OtlpGrpc, decoder=decoder) as rig:
        answer = ExportTraceServiceResponse.FromString(await export(rig, traces(5)))
        assert answer.partial_success.rejected_spans == 2
        assert (rig.count("accepted"), rig.count("rejected")) == (3, 2)
        rig.check_identity()


async def test_the_token_is_asked_for():
    async with Rig(OtlpGrpc, token="secret") as rig:
        error = await refusal(rig, traces(1))
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        await export(rig, traces(1), metadata=(("authorization", "Bearer secret"),))
        assert (rig.count("accepted"), rig.count("rejected", reason="forbidden")) == (1, 1)


async def test_a_caller_that_gives_up_while_the_disk_works_is_still_accepted():
    async with Rig(OtlpGrpc) as rig, channel(rig) as open_channel:
        rig.intake.gate.clear()
        call = open_channel.unary_unary(PATHS["traces"])(traces(4))
        await rig.intake.entered.wait()
        call.cancel()
        rig.intake.gate.set()
        await rig.settled()
        assert rig.count("accepted") == 4
        rig.check_identity()


async def test_requests_under_way_are_bounded():
    async with Rig(OtlpGrpc, OtlpSettings(max_in_flight_requests=1)) as rig:
        rig.intake.gate.clear()
        first = asyncio.create_task(export(rig, traces(1)))
        await rig.intake.entered.wait()
        error = await refusal(rig, traces(1))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        rig.intake.gate.set()
        await first
        rig.check_identity()


async def test_a_call_without_a_message_is_ended():
    async with (
        Rig(OtlpGrpc, OtlpSettings(grpc=OtlpGrpcSettings(read_timeout=0.02))) as rig,
        channel(rig) as open_channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await open_channel.stream_unary(PATHS["traces"])()
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert rig.count("refused") == 1
        rig.check_identity()


async def test_stopping_answers_those_under_way_and_turns_others_away():
    rig = Rig(OtlpGrpc)
    await rig.receiver.start()
    async with channel(rig) as open_channel:
        call = open_channel.unary_unary(PATHS["traces"])
        rig.intake.gate.clear()
        first = asyncio.create_task(export(rig, traces(2)))
        await rig.intake.entered.wait()
        stop = asyncio.create_task(rig.receiver.stop())
        await asyncio.sleep(0)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(traces(3))
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "google.rpc.retryinfo-bin" in dict(caught.value.trailing_metadata())
        rig.intake.gate.set()
        await first
    await stop
    await rig.receiver.stop()
    rig.check_identity()


async def test_a_taken_port_is_an_os_error():
    async with Rig(OtlpGrpc) as rig:
        second = Rig(OtlpGrpc)
        second.receiver.address = rig.address
        with pytest.raises(OSError, match="cannot listen"):
            await second.receiver.start()
        await second.receiver.stop()
