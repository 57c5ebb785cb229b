"""How commands show the token: by a file or the environment, never as an argument."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from perfd.commands.access import closed_doors, exposed_files, plain_doors, unusable_files
from perfd.commands.connection import VARIABLES, Unusable, add_connection_options, connection
from perfd.config import NOT_SETTINGS, Config, Listen
from perfd.web.settings import AuthSettings

EVERYWHERE = Listen(http="0.0.0.0:4040", otlp_http="127.0.0.1:4318", otlp_grpc="")


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_connection_options(parser)
    return parser.parse_args(words)


def test_no_variable_of_the_commands_is_taken_for_a_setting() -> None:
    assert VARIABLES | {"PERFD_CONFIG"} == NOT_SETTINGS


def test_the_file_comes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERFD_TOKEN", "from-the-environment\n")
    assert connection(parsed()).headers == {"Authorization": "Bearer from-the-environment"}
    (tmp_path / "token").write_text("from-the-file\n")
    file = str(tmp_path / "token")
    assert connection(parsed("--token-file", file)).token == "from-the-file"
    monkeypatch.setenv("PERFD_TOKEN_FILE", file)
    assert connection(parsed()).token == "from-the-file"


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    for words in (
        ("--url", "ftp://127.0.0.1"),
        ("--token-file", "/nowhere/token"),
        ("--url", "https://127.0.0.1", "--ca-file", "/nowhere/ca.pem"),
    ):
        with pytest.raises(Unusable, match=r"http URL|cannot be"):
            connection(parsed(*words))


def test_doors_and_files_are_looked_at(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("correct-horse-battery")
    token.chmod(0o640)
    shut = Config(listen=EVERYWHERE)
    (words,) = closed_doors(shut)
    assert words.startswith("0.0.0.0:4040 is reachable from outside")
    assert list(plain_doors(shut)) == []
    open_ = Config(listen=EVERYWHERE, auth=AuthSettings(token_file=str(token)))
    assert list(closed_doors(open_)) == []
    (words,) = plain_doors(open_)
    assert "without TLS: set auth.tls" in words
    assert list(exposed_files(open_)) == []
    token.chmod(0o644)
    (words,) = exposed_files(open_)
    assert "mode 0644" in words
    assert list(unusable_files(open_)) == []
    token.write_text("short")
    (words,) = unusable_files(open_)
    assert "auth.token_file" in words
    assert list(closed_doors(Config())) == []
