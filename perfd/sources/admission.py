"""How much may be under way at once: bytes and requests, over all receivers together.

A body-size cap bounds one request, not the memory of many. Beyond the budget nothing waits in a
queue: the sender is asked to come back.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from perfd.errors import Overloaded

RETRY_AFTER = 1.0  # seconds; requests are under way for milliseconds


class Admission:
    """The budget. One per daemon, handed to every receiver; used on the event loop only."""

    def __init__(self, max_size: int, max_requests: int) -> None:
        self._max_size = max_size
        self._max_requests = max_requests
        self.size = 0
        self.requests = 0

    def hold(self, size: int = 0) -> Hold:
        """Take part of the budget for one request, until it is released; raises Overloaded."""
        if self.requests >= self._max_requests:
            raise Overloaded("too many requests are under way; retry", RETRY_AFTER)
        self._take(size)
        self.requests += 1
        return Hold(self, size)

    def _take(self, size: int) -> None:
        if size and self.size + size > self._max_size:
            raise Overloaded("too many bytes are under way; retry", RETRY_AFTER)
        self.size += size


class Hold:
    """What one request has of the budget; a context manager that gives it back."""

    def __init__(self, admission: Admission, size: int) -> None:
        self._admission = admission
        self._size = size
        self._released = False

    def grow(self, size: int) -> None:
        """Take more bytes; raises Overloaded."""
        self._admission._take(size)  # noqa: SLF001 - two halves of one thing
        self._size += size

    def release(self) -> None:
        """Give it back; safe to call twice."""
        if not self._released:
            self._released = True
            self._admission.size -= self._size
            self._admission.requests -= 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
