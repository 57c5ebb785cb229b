"""The road from an agent to its centre: one POST, by HTTP."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from http import HTTPStatus

import aiohttp
import msgspec

from perfd.errors import BadInput, ConfigError, DeliveryError, TooLarge
from perfd.forward.body import MEDIA_TYPE
from perfd.forward.settings import ForwardSettings
from perfd.model.partial import Receipt

PATH = "/api/v1/windows"
LONGEST_ANSWER = 65_536
LONGEST_WORDS = 300

_NEVER = frozenset({400, 415, 422})  # of these bytes; what the configuration can mend may pass

_receipt = msgspec.json.Decoder(Receipt).decode


class HttpCarrier:
    """`token` is read for each request, so that it can be rotated in its file.

    Raises ConfigError for a token or certificates that cannot be read.
    """

    def __init__(self, settings: ForwardSettings, token: Callable[[], str | None]) -> None:
        self._url = settings.url.rstrip("/") + PATH
        self._timeout = aiohttp.ClientTimeout(total=settings.timeout)
        self._token = token
        self._tls = client_context(settings)
        token()  # a file that cannot be read is said at the start
        self._session: aiohttp.ClientSession | None = None

    async def post(self, body: bytes) -> Receipt:
        """Deliver a body. Raises BadInput, TooLarge or DeliveryError."""
        try:
            async with self._open().post(
                self._url, data=body, headers=self._headers(), allow_redirects=False
            ) as answer:
                content = await answer.content.read(LONGEST_ANSWER)
                _check(answer, content)
            return _receipt(content)
        except msgspec.DecodeError as error:
            words = f"{self._url} does not answer as a perfd does: {error}"
            raise DeliveryError(words, retryable=True) from error
        except (aiohttp.ClientError, ConfigError, TimeoutError, OSError) as error:
            words = f"{self._url}: {str(error) or type(error).__name__}"
            raise DeliveryError(words, retryable=True) from error

    async def close(self) -> None:
        """Release the connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._tls or True, limit=1)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=self._timeout, auto_decompress=False
            )
        return self._session

    def _headers(self) -> dict[str, str]:
        headers = {
            "Content-Type": MEDIA_TYPE,
            "Accept-Encoding": "identity",
            "User-Agent": "perfd",
        }
        token = self._token()
        return headers | ({"Authorization": f"Bearer {token}"} if token else {})


def client_context(settings: ForwardSettings) -> ssl.SSLContext | None:
    """How the centre is known, and how we are; None for what Python does. Raises ConfigError."""
    tls = settings.tls
    if not (tls.ca_file or tls.cert_file):
        return None
    try:
        context = ssl.create_default_context(cafile=tls.ca_file or None)
        if tls.cert_file:
            context.load_cert_chain(tls.cert_file, tls.key_file)
    except (OSError, ssl.SSLError) as problem:
        raise ConfigError([f"forward.tls: {problem}"]) from None
    return context


def _check(answer: aiohttp.ClientResponse, content: bytes) -> None:
    if answer.status == HTTPStatus.OK:
        return
    words = f"HTTP {answer.status}: {_words(content)}"
    if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        raise TooLarge(words)
    if answer.status in _NEVER:
        raise BadInput(words)
    after = answer.headers.get("Retry-After", "")
    retry_after = float(after) if after.isdigit() else None
    raise DeliveryError(words, retryable=True, retry_after=retry_after)


def _words(content: bytes) -> str:
    """The message of the API's error document, or the beginning of whatever it is."""
    try:
        return str(msgspec.json.decode(content)["error"]["message"])[:LONGEST_WORDS]
    except (msgspec.DecodeError, LookupError, TypeError):
        return content[:LONGEST_WORDS].decode("utf-8", "replace")
