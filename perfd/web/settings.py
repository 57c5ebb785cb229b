"""Settings of pages and API: who may do what, and where a page's links lead."""

from __future__ import annotations

import msgspec

from perfd.model.units import Duration
from perfd.tls.settings import TlsSettings


class AuthSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who may push, read and change (DESIGN section 9)."""

    token_file: str = ""
    anonymous_read: bool = False
    tls: TlsSettings = TlsSettings()


class WebSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Pages: the address written into links, and where source code can be read.

    `code_url` may hold {service}, {version}, {file} and {line}.
    """

    public_url: str = ""
    code_url: str = ""
    shutdown_timeout: Duration = 5.0
