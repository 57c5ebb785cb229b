"""Everything perfd raises on purpose.

PerfdError
├── ConfigError          the configuration is wrong; carries every problem at once
├── BadInput             a sender's bytes cannot be used; never retried (HTTP 400)
│   ├── TooLarge         over a stated limit, before or after decompression (413)
│   └── Unsupported      a media type or compression that perfd does not speak (415)
├── Overloaded           not now; the sender should retry after a delay (429/503)
├── Refused              the caller may not do this (403)
├── NotFound             no such ticket, service or document (404)
├── Conflict             the action does not fit the present state (409)
├── StoreError           the store cannot keep its promise; fatal for the daemon
│   ├── Corrupt          a checksum does not match; the piece is set aside and counted
│   └── SchemaTooNew     written by a newer perfd; refused with words
├── QueryError           a server that perfd asks gave no answer; `retryable` as below
└── DeliveryError        a tracker said no; `retryable` tells whether to try again
"""

from __future__ import annotations

from collections.abc import Sequence


class PerfdError(Exception):
    """Root of the tree; its text is fit to be shown to a person."""


class ConfigError(PerfdError):
    """Every problem found in the configuration, one line each, with file:line where known."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class BadInput(PerfdError):
    """The bytes of a sender cannot be used; sending them again will not help.

    `items` is how many items the bytes held; what cannot be counted is accounted for as one.
    """

    def __init__(self, message: str, items: int = 1) -> None:
        super().__init__(message)
        self.items = items


class TooLarge(BadInput):
    """A body, or what it inflates to, or the items in it, is over the stated limit."""


class Unsupported(BadInput):
    """A media type or compression that perfd does not speak."""


class Overloaded(PerfdError):
    """perfd cannot take this now; retry after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(PerfdError):
    """The caller may not do this."""


class NotFound(PerfdError):
    """There is no such thing."""


class Conflict(PerfdError):
    """The action does not fit the present state."""


class StoreError(PerfdError):
    """The store cannot keep its promise."""


class Corrupt(StoreError):
    """A stored piece does not match its checksum."""


class SchemaTooNew(StoreError):
    """The data directory was written by a newer perfd."""


class QueryError(PerfdError):
    """A server that perfd asks (a Prometheus) gave no answer that can be used."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class DeliveryError(PerfdError):
    """A tracker did not take a message; `retryable` tells whether a retry makes sense."""

    def __init__(self, message: str, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after
