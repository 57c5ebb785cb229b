import pytest

from perfd.sources.otlp_grpc import channel_options
from perfd.sources.settings import OtlpGrpcSettings, OtlpSettings
from perfd.tls.settings import TlsSettings


def test_a_budget_too_small_for_one_request_is_refused():
    with pytest.raises(ValueError, match="refused for ever"):
        OtlpSettings(max_request_body_size=64 << 20)
    OtlpSettings(max_request_body_size=64 << 20, max_in_flight_size=256 << 20)


@pytest.mark.parametrize("half", [{"key_file": "a"}, {"client_ca_file": "a"}])
def test_half_a_certificate_is_refused(half):
    with pytest.raises(ValueError, match="cert_file"):
        TlsSettings(**half)


def test_what_grpc_cannot_do_is_refused():
    tls = TlsSettings(cert_file="a", key_file="b", min_version="1.3")
    with pytest.raises(ValueError, match=r"1\.2"):
        OtlpGrpcSettings(tls=tls)


def test_never_is_left_to_grpc():
    options = dict(channel_options(OtlpSettings()))
    assert options["grpc.max_receive_message_length"] == 16 << 20
    assert options["grpc.keepalive_time_ms"] == 60_000
    assert "grpc.max_connection_age_ms" not in options
