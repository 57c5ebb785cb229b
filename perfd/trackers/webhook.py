"""A signed JSON document per message, by POST to one configured URL.

Headers of every request:

    Content-Type       application/json
    Idempotency-Key    names the message for ever; a receiver that has seen it answers 2xx and stops
    Perfd-Event        opened, updated, verified, closed, reopened, muted or unmuted
    Perfd-Ticket       the ticket's id
    Perfd-Timestamp    Unix seconds of this attempt
    Perfd-Signature    v1=<hex HMAC-SHA256 of "<timestamp>.<body>">, when there is a secret

A receiver checks the signature over the bytes it got, refuses timestamps older than a few minutes,
and remembers keys. 2xx is taken; a JSON answer may carry the mirror's `url`. 408, 425, 429 and 5xx
are retried, with Retry-After honoured; every other answer is final. Redirects are not followed:
they would carry the document to a place that nobody configured.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import aiohttp

from perfd.errors import DeliveryError
from perfd.interfaces import Clock, Message

SCHEMA = "perfd.message/v1"
LONGEST_ANSWER = 65_536  # bytes read of a reply; the rest is not asked for
LONGEST_URL = 2_000
RETRYABLE = frozenset({408, 425, 429})


class Webhook:
    """`secret` is asked for at each delivery, so that it can be rotated in its file."""

    def __init__(
        self,
        name: str,
        url: str,
        clock: Clock,
        secret: Callable[[], bytes] = bytes,
        timeout: float = 10.0,
    ) -> None:
        self._name, self._url, self._clock, self._secret = name, url, clock, secret
        self._timeout = aiohttp.ClientTimeout(total=timeout)

    @property
    def name(self) -> str:
        """The name that references carry."""
        return self._name

    async def deliver(self, message: Message) -> str:
        """POST the message; returns the URL that the receiver names, else the ticket's page."""
        body = payload(message)
        headers = self._headers(message, body)
        # no shared session: deliveries are rare, and a fresh connection cannot be a stale one
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout, auto_decompress=False) as session,
                session.post(
                    self._url, data=body, headers=headers, allow_redirects=False
                ) as answer,
            ):
                content = await answer.content.read(LONGEST_ANSWER)
                self._check(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            words = str(error) or type(error).__name__
            raise DeliveryError(f"{self._name}: {words}", retryable=True) from error
        return _url_in(content) or str(message.document.get("url", ""))

    def _headers(self, message: Message, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._clock.now()))
        headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "perfd",
            "Idempotency-Key": message.key,
            "Perfd-Event": message.event,
            "Perfd-Ticket": message.ticket.id,
            "Perfd-Timestamp": timestamp,
        }
        try:
            secret = self._secret()
        except OSError as error:
            words = f"{self._name}: the secret cannot be read: {error.strerror}"
            raise DeliveryError(words, retryable=True) from error
        if secret:
            headers["Perfd-Signature"] = signature(secret, timestamp, body)
        return headers

    def _check(self, answer: aiohttp.ClientResponse) -> None:
        if HTTPStatus(200) <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return
        retryable = answer.status in RETRYABLE or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        raise DeliveryError(
            f"{self._name}: HTTP {answer.status}",
            retryable=retryable,
            retry_after=self._retry_after(answer.headers.get("Retry-After", "")),
        )

    def _retry_after(self, value: str) -> float | None:
        """Seconds, from seconds or from a date."""
        try:
            if value.strip().isdigit():
                return float(value)
            return max(0.0, parsedate_to_datetime(value).timestamp() - self._clock.now())
        except (ValueError, OverflowError):
            return None


def payload(message: Message) -> bytes:
    """The request's body."""
    document = {
        "schema": SCHEMA,
        "key": message.key,
        "event": message.event,
        "title": message.title,
        "body": message.body,
        "ticket": message.document,
    }
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """What the header Perfd-Signature holds."""
    mac = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256)
    return f"v1={mac.hexdigest()}"


def _url_in(content: bytes) -> str:
    """The `url` of a JSON answer, when it is an http one of a sensible length."""
    try:
        answer: Any = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    url = answer.get("url") if isinstance(answer, dict) else None
    if not isinstance(url, str) or len(url) > LONGEST_URL or not url.isprintable():
        return ""
    return url if url.startswith(("http://", "https://")) else ""
