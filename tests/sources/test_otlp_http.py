import asyncio
import gzip
import io
import json

import aiohttp
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from perfd.errors import Overloaded, StoreError
from perfd.sources.otlp_decode import OtlpDecoder
from perfd.sources.otlp_http import OtlpHttp
from perfd.sources.settings import OtlpHttpSettings, OtlpSettings
from tests.fakes import CountingMeter
from tests.sources.rig import Rejecting, Rig
from tests.sources.telemetry_bodies import BODIES, JSON, PROTOBUF, as_json, bad_bodies, traces

LIMIT = 8 << 20
QUICK = 0.05  # seconds that a stop waits for a sender that is still sending
SETTINGS = OtlpSettings(max_request_body_size=LIMIT, drain_timeout=QUICK)
BAD = bad_bodies(LIMIT)


async def post(rig, path, body, media=PROTOBUF, encoding="", **headers):
    """Status code, headers and body of the answer."""
    headers |= {"Content-Type": media}
    if encoding:
        headers["Content-Encoding"] = encoding
    url = f"http://{rig.address}{path}"
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.request(
            headers.pop("method", "POST"), url, data=io.BytesIO(body), headers=headers
        ) as answer,
    ):
        return answer.status, answer.headers, await answer.read()


def status_of(headers, body):
    """Code and message of the google.rpc.Status in an answer, whichever media type it has."""
    if headers["Content-Type"] == PROTOBUF:
        status = Status.FromString(body)
        return status.code, status.message
    assert headers["Content-Type"].startswith(JSON)
    status = json.loads(body)
    return status["code"], status["message"]


@pytest.mark.parametrize("encoding", ["", "gzip"])
@pytest.mark.parametrize("media", [PROTOBUF, JSON])
@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
async def test_what_is_accepted_is_handed_on_as_it_came(signal, media, encoding):
    body = BODIES[signal](7) if media == PROTOBUF else as_json(signal, 7)
    sent = gzip.compress(body) if encoding else body
    async with Rig(OtlpHttp) as rig:
        code, headers, answer = await post(rig, f"/v1/{signal}", sent, media, encoding)
        assert (code, answer) == (200, b"" if media == PROTOBUF else b"{}")
        assert headers["Content-Type"].split(";")[0] == media
        (delivery,) = rig.intake.deliveries
        assert (delivery.signal, delivery.media, delivery.encoding) == (signal, media, encoding)
        assert (delivery.body, delivery.items) == (sent, 7)
        assert rig.count("accepted", signal=signal, transport="http") == 7
        rig.check_identity()


async def test_an_empty_request_is_a_success_that_needs_no_disk():
    async with Rig(OtlpHttp) as rig:
        assert (await post(rig, "/v1/traces", b""))[0] == 200
        assert (await post(rig, "/v1/traces", b"{}", JSON))[0] == 200
        assert rig.intake.deliveries == []


@pytest.mark.parametrize("name", BAD)
async def test_bad_bodies_get_a_status_and_are_counted(name):
    body, media, encoding, code, reason = BAD[name]
    signal = "metrics" if b"resourceMetrics" in body else "traces"
    async with Rig(OtlpHttp, SETTINGS) as rig:
        got, headers, answer = await post(rig, f"/v1/{signal}", body, media, encoding)
        assert got == code
        number, message = status_of(headers, answer)
        assert number in {3, 8}
        assert message
        assert headers["Content-Type"].split(";")[0] == (PROTOBUF if media == PROTOBUF else JSON)
        assert "Retry-After" not in headers
        assert rig.reasons("rejected") == {reason}
        assert rig.count("rejected") >= 1
        assert rig.intake.deliveries == []
        rig.check_identity()


async def test_wrong_paths_and_methods_get_a_status_too():
    async with Rig(OtlpHttp) as rig:
        code, headers, body = await post(rig, "/v1/spans", b"", JSON)
        assert (code, status_of(headers, body)[0]) == (404, 5)
        code, headers, body = await post(rig, "/v1/traces", b"", PROTOBUF, method="GET")
        assert (code, status_of(headers, body)[0], headers["Allow"]) == (405, 12, "POST")
        code, headers, body = await post(rig, "/v1development/profiles", b"x")
        assert (code, status_of(headers, body)[0]) == (501, 12)
        assert rig.codes() == ["404", "405", "501"]
        rig.check_identity()


async def test_partial_success_says_what_was_rejected():
    decoder = Rejecting(OtlpDecoder(OtlpSettings(), CountingMeter()), rejected=2)
    async with Rig(OtlpHttp, decoder=decoder) as rig:
        code, _, body = await post(rig, "/v1/traces", traces(5))
        partial = ExportTraceServiceResponse.FromString(body).partial_success
        assert (code, partial.rejected_spans) == (200, 2)
        assert partial.error_message == "times before 1970"
        _, _, body = await post(rig, "/v1/logs", as_json("logs", 5), JSON)
        assert json.loads(body)["partialSuccess"]["rejectedLogRecords"] == "2"
        assert (rig.count("accepted"), rig.count("rejected")) == (6, 4)
        rig.check_identity()


async def test_overload_is_refused_for_now():
    async with Rig(OtlpHttp) as rig:
        rig.intake.raises = [Overloaded("the log is full", retry_after=2.4)]
        code, headers, body = await post(rig, "/v1/traces", traces(5))
        assert (code, headers["Retry-After"]) == (503, "3")
        assert status_of(headers, body) == (14, "the log is full")
        assert rig.count("refused", reason="overloaded") == 5
        rig.check_identity()


@pytest.mark.parametrize("error", [StoreError("disk /dev/sda1 is gone"), KeyError("bug")])
async def test_a_fault_of_our_own_is_retryable_and_tells_nothing(error):
    async with Rig(OtlpHttp) as rig:
        rig.intake.raises = [error]
        code, headers, body = await post(rig, "/v1/traces", traces(5))
        assert (code, headers["Retry-After"]) == (503, "5")
        assert status_of(headers, body)[1] == "perfd could not take this; see its log"
        assert rig.count("refused", reason="fault") == 5
        rig.check_identity()


async def test_bytes_under_way_are_bounded():
    settings = OtlpSettings(max_request_body_size=10_000, max_items=10, max_in_flight_size=22_000)
    async with Rig(OtlpHttp, settings) as rig:
        rig.intake.gate.clear()
        first = asyncio.create_task(post(rig, "/v1/logs", as_json("logs", 1) + b" " * 8000, JSON))
        await rig.intake.entered.wait()
        code, headers, _ = await post(rig, "/v1/logs", as_json("logs", 1) + b" " * 8000, JSON)
        assert (code, headers["Retry-After"]) == (503, "1")
        rig.intake.gate.set()
        assert (await first)[0] == 200
        rig.check_identity()


async def test_requests_under_way_are_bounded():
    async with Rig(OtlpHttp, OtlpSettings(max_in_flight_requests=1)) as rig:
        rig.intake.gate.clear()
        first = asyncio.create_task(post(rig, "/v1/traces", traces(1)))
        await rig.intake.entered.wait()
        assert (await post(rig, "/v1/traces", traces(1)))[0] == 503
        rig.intake.gate.set()
        assert (await first)[0] == 200


async def test_the_token_is_asked_for():
    async with Rig(OtlpHttp, token="secret") as rig:
        code, headers, body = await post(rig, "/v1/traces", traces(1))
        assert (code, status_of(headers, body)[0]) == (403, 7)
        code, _, _ = await post(rig, "/v1/traces", traces(1), Authorization="Bearer secret")
        assert code == 200
        assert rig.count("rejected", reason="forbidden") == 1
        rig.check_identity()


async def test_stopping_answers_those_under_way_and_turns_others_away():
    rig = Rig(OtlpHttp)
    await rig.receiver.start()
    rig.intake.gate.clear()
    async with aiohttp.ClientSession() as session:
        url, headers = f"http://{rig.address}/v1/traces", {"Content-Type": PROTOBUF}
        first = asyncio.create_task(session.post(url, data=traces(2), headers=headers))
        await rig.intake.entered.wait()
        stop = asyncio.create_task(rig.receiver.stop())
        await asyncio.sleep(0)
        async with session.post(url, data=traces(3), headers=headers) as late:
            assert (late.status, late.headers["Retry-After"]) == (503, "2")
        rig.intake.gate.set()
        assert (await first).status == 200
    await stop
    await rig.receiver.stop()
    rig.check_identity()


# --- senders that do not behave -------------------------------------------------------------------


async def say(rig, text: bytes):
    host, _, port = rig.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(text)
    await writer.drain()
    return reader, writer


def head(length: int, *lines: str) -> bytes:
    fixed = ("POST /v1/traces HTTP/1.1", "Host: perfd", f"Content-Type: {PROTOBUF}")
    return "\r\n".join((*fixed, f"Content-Length: {length}", *lines, "", "")).encode()


async def until(condition):
    """Let the loop turn until something has become true."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - of another connection, which sets nothing of ours
            await asyncio.sleep(0.001)


async def test_a_sender_that_goes_away_in_the_middle_is_counted():
    async with Rig(OtlpHttp) as rig:
        _, writer = await say(rig, head(1000) + b"x" * 10)
        await until(lambda: rig.admission.size == 10)
        writer.close()
        await until(lambda: rig.count("refused", reason="disconnected") == 1)
        rig.check_identity()


async def test_a_sender_that_goes_away_at_the_end_is_still_accepted():
    async with Rig(OtlpHttp) as rig:
        rig.intake.gate.clear()
        body = traces(4)
        _, writer = await say(rig, head(len(body)) + body)
        await rig.intake.entered.wait()
        writer.transport.abort()
        await asyncio.sleep(0)
        rig.intake.gate.set()
        await until(lambda: rig.count("accepted") == 4)
        rig.check_identity()


async def test_a_slow_body_is_cut_off():
    settings = OtlpSettings(http=OtlpHttpSettings(read_timeout=0.02), drain_timeout=QUICK)
    async with Rig(OtlpHttp, settings) as rig:
        reader, writer = await say(rig, head(1000) + b"x")
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        assert rig.count("rejected", reason="timeout") == 1
        writer.close()


@pytest.mark.parametrize("text", [b"", b"POST /v1/traces HTTP/1.1\r\nHost: perfd\r\nX-Slow: "])
async def test_a_silent_connection_is_closed(text):
    settings = OtlpSettings(http=OtlpHttpSettings(idle_timeout=0.02))
    async with Rig(OtlpHttp, settings) as rig:
        reader, writer = await say(rig, text)
        assert await reader.read() == b""
        writer.close()


async def test_connections_beyond_the_bound_are_turned_away():
    settings = OtlpSettings(http=OtlpHttpSettings(max_connections=2))
    async with Rig(OtlpHttp, settings) as rig:
        held = [await say(rig, b"") for _ in range(2)]
        await until(lambda: rig.receiver.connections == 2)
        reader, writer = await say(rig, b"")
        assert b"503" in await reader.readline()
        assert b"Retry-After: 1" in await reader.read()
        for _, each in [*held, (reader, writer)]:
            each.close()
        await until(lambda: not rig.receiver.connections)
        assert (await post(rig, "/v1/traces", traces(1)))[0] == 200


async def test_what_is_not_http_gets_a_status_without_a_traceback(caplog):
    async with Rig(OtlpHttp) as rig:
        reader, writer = await say(rig, b"\x16\x03\x01 hello TLS\r\n\r\n")
        answer = await reader.read()
        assert b" 400 " in answer
        assert b'"code":3' in answer
        writer.close()
    assert caplog.records == []


async def test_a_body_of_broken_chunks_is_malformed():
    async with Rig(OtlpHttp) as rig:
        request = head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        reader, writer = await say(rig, request + b"zz\r\nhello\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()
        rig.check_identity()


async def test_chunks_without_a_length_are_cut_at_the_limit():
    settings = OtlpSettings(max_request_body_size=1000, drain_timeout=QUICK)
    async with Rig(OtlpHttp, settings) as rig:
        request = head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        reader, writer = await say(rig, request + b"3e9\r\n" + bytes(1001))
        assert (await reader.readline()).startswith(b"HTTP/1.1 413")
        writer.close()


async def test_a_sender_that_waits_is_asked_for_the_body():
    async with Rig(OtlpHttp) as rig:
        body = traces(2)
        reader, writer = await say(rig, head(len(body), "Expect: 100-continue"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
        assert rig.count("accepted") == 2


async def test_a_sender_that_waits_with_too_much_is_not_asked():
    async with Rig(OtlpHttp, SETTINGS) as rig:
        reader, writer = await say(rig, head(LIMIT + 1, "Expect: 100-continue"))
        assert (await reader.readline()).startswith(b"HTTP/1.1 413")
        writer.close()
