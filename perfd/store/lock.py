"""One perfd per data directory, by flock: the kernel lets go of it even after kill -9."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from perfd.errors import StoreError

NAME = "perfd.lock"


class DirectoryLock:
    """Holds a directory; the file holds the owner's process id, for the message only."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Raises StoreError at once when another process holds the directory."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise StoreError(
                f"{self._path.parent} is in use by another perfd (process {owner}); "
                "stop it, or give this one its own data_dir"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go; safe to call twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
