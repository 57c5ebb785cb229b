import re
from pathlib import Path

import pytest

from perfd.config import load
from perfd.daemon import DRAIN_SECONDS
from tests.deploy.checkers import DEPLOY, run
from tests.packages import require_package

UNIT = DEPLOY / "systemd" / "perfd.service"
TEXT = UNIT.read_text()


def setting(name: str) -> str:
    (value,) = re.findall(rf"^{name}=(.*)$", TEXT, re.MULTILINE)
    return str(value)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists here."""
    copy = tmp_path / "perfd.service"
    copy.write_text(TEXT.replace("ExecStart=/opt/perfd/bin/perfd", "ExecStart=/bin/true"))
    return copy


def test_systemd_understands_every_word(unit: Path) -> None:
    analyze = require_package("systemd", "systemd-analyze")
    checked = run(analyze, "verify", unit)
    # It exits with 0 even for unknown settings: what counts is that it has nothing to say.
    assert (checked.returncode, checked.stderr) == (0, "")


def test_systemd_would_say_something(unit: Path) -> None:
    analyze = require_package("systemd", "systemd-analyze")
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchDogSec="))
    assert "WatchDogSec" in run(analyze, "verify", unit).stderr


def test_it_is_hardened(unit: Path) -> None:
    analyze = require_package("systemd", "systemd-analyze")
    checked = run(analyze, "security", "--offline=true", "--threshold=20", unit)
    assert checked.returncode == 0, checked.stdout[-500:]


def test_its_environment_is_a_configuration() -> None:
    expanded = setting("Environment").replace("%S", "/var/lib").replace("%d", "/run/credentials")
    environment = dict(re.findall(r"(PERFD_\w+)=(\S+)", expanded))
    config = load(None, environment)
    assert (config.data_dir, config.auth.token_file) == ("/var/lib/perfd", "/run/credentials/token")
    assert setting("StateDirectory") == "perfd"
    assert setting("LoadCredential").startswith("token:")


def test_it_has_the_time_to_drain() -> None:
    stop = float(setting("TimeoutStopSec"))
    assert stop >= DRAIN_SECONDS + 2 * load(None, {}).web.shutdown_timeout
