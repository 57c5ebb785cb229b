"""Flags, ports and configuration of the demo, and what it prints."""

import json
import socket

import pytest
import yaml

from perfd.demo.configuration import ALLOWED, demo_config, write_config
from perfd.demo.endpoints import LOOPBACK, Endpoints, choose_endpoints
from perfd.demo.options import DemoOptions
from perfd.demo.report import Terminal


def test_the_configuration_sets_only_what_a_demo_may_set(tmp_path):
    assert demo_config(Endpoints(), tmp_path, 60).keys() <= ALLOWED
    assert {"listen", "data_dir", "pace", "slos", "trackers"} == ALLOWED


def test_the_configuration_that_is_written_is_the_one_that_is_tested(tmp_path):
    endpoints = Endpoints(http=1, otlp_http=2, otlp_grpc=3)
    file = write_config(endpoints, tmp_path, 60)
    assert yaml.safe_load(file.read_text()) == demo_config(endpoints, tmp_path / "perfd", 60)


def test_everything_listens_on_loopback(tmp_path):
    listen = demo_config(Endpoints(), tmp_path, 60)["listen"]
    assert listen == {
        "http": "127.0.0.1:4040",
        "otlp_http": "127.0.0.1:4318",
        "otlp_grpc": "127.0.0.1:4317",
    }


def test_a_port_that_is_taken_is_replaced():
    with socket.socket() as other, socket.socket() as free:
        other.bind((LOOPBACK, 0))
        other.listen()
        taken = other.getsockname()[1]
        free.bind((LOOPBACK, 0))
        kept = free.getsockname()[1]
        free.close()
        chosen = choose_endpoints(Endpoints(http=taken, otlp_http=kept, otlp_grpc=kept))
    assert chosen.http not in {taken, 0}
    assert chosen.otlp_http == kept


def test_each_protocol_has_its_port():
    endpoints = Endpoints(otlp_http=1, otlp_grpc=2)
    assert endpoints.otlp("grpc").endswith(":2")
    assert endpoints.otlp("http/protobuf").endswith(":1")


@pytest.mark.parametrize("fast", [True, False])
def test_the_story_gives_perfd_the_time_that_it_needs(fast):
    options = DemoOptions(fast=fast)
    assert options.baseline >= 20 + 3600 / options.pace
    assert options.judgement >= 20 + 1800 / options.pace + 15


def test_the_fast_story_with_its_fix_ends_within_five_minutes():
    options = DemoOptions(fast=True)
    assert options.baseline + options.judgement + options.verification < 290


def test_the_fast_control_ends_within_five_minutes():
    options = DemoOptions(fast=True)
    assert options.baseline + options.all_looks < 290


OUTCOME = {"ok": True, "ticket": {"id": "PERF-K3QZ7A", "state": "verified"}, "problems": []}


def test_a_program_reads_one_object_and_nothing_else(capsys):
    with Terminal(as_json=True) as terminal:
        terminal.say("for people")
        terminal.progress("a step", 1, 2)
        terminal.result(OUTCOME)
    captured = capsys.readouterr()
    assert json.loads(captured.out) == OUTCOME
    assert "for people" in captured.err


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (OUTCOME, "PERF-K3QZ7A is verified."),
        ({**OUTCOME, "ticket": None}, "No ticket"),
        ({**OUTCOME, "problems": ["no ticket within 60 s"]}, "- no ticket within 60 s"),
    ],
)
def test_a_person_reads_how_it_ended(outcome, words, capsys):
    with Terminal(as_json=False) as terminal:
        terminal.result(outcome)
    assert words in capsys.readouterr().out
