"""What may be set about TLS, by the OpenTelemetry Collector's option names."""

from __future__ import annotations

from typing import Literal

import msgspec


class TlsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """TLS of one port: off without a certificate, of which `cert_file` may hold the key as well.

    With `client_ca_file` only callers whose certificate that authority signed are let in. Files
    that are replaced count from the next connection on.
    """

    cert_file: str = ""
    key_file: str = ""
    client_ca_file: str = ""
    min_version: Literal["1.2", "1.3"] = "1.2"

    def __post_init__(self) -> None:
        if not self.cert_file and (self.key_file or self.client_ca_file):
            raise ValueError("key_file and client_ca_file need a cert_file")
