"""What the request log asks of a disk; passed in, so that tests can make it full or broken."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


class Disk:
    """The real one. Every method raises OSError as the kernel gives it."""

    def create(self, path: Path) -> int:
        """A new file for appending; an existing one is an error."""
        return os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600
        )

    def write(self, file: int, parts: Sequence[memoryview]) -> int:
        """Append, and return how many bytes were taken: fewer than given is possible."""
        return os.writev(file, parts)

    def truncate(self, file: int, size: int) -> None:
        """Cut the file back to `size` bytes."""
        os.ftruncate(file, size)

    def sync(self, file: int) -> None:
        """Data, and the metadata needed to read it, are on the disk when this returns."""
        os.fdatasync(file)

    def sync_directory(self, path: Path) -> None:
        """The names of files created in a directory are on the disk when this returns."""
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def close(self, file: int) -> None:
        """Release a file."""
        os.close(file)
