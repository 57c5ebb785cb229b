"""System packages that some tests need: skipped without them on a user's machine, failed in CI."""

from __future__ import annotations

import os
import shutil

import pytest


def require_package(name: str, command: str = "") -> str:
    """The path of a package's command (called as the package if not named).

    Without it the test is skipped with the reason; with CI=true, where all are installed, it fails.
    """
    path = shutil.which(command or name)
    if path is not None:
        return path
    reason = f"needs {command or name} of the system package {name}"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, which CI has to install", pytrace=False)
    pytest.skip(reason)
