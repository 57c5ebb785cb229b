"""What a span is a request to."""

import pytest

from perfd.aggregate.clues import Layout
from perfd.aggregate.operation import Clue, operation_of
from perfd.aggregate.paths import is_raw
from perfd.model.series import REQUESTS
from tests.aggregate.sent import CONSUMER, INTERNAL, SERVER, Perfd, named, request_of, span


def operation(name="span", kind=SERVER, error=False, **attributes):
    """The labels that perfd gives a span; `_` in names stands for `.` where two are written."""
    plain = {key.replace("__", "."): value for key, value in attributes.items()}
    perfd = Perfd()
    perfd.spans([span(name, kind=kind, error=error, attributes=plain)])
    (window,) = named(perfd.take().windows, REQUESTS)
    return window.series.label["operation"], window.series.label["status"], window.errors


def test_http_by_the_stable_names():
    found = operation(
        "GET /cart/{id}",
        http__request__method="GET",
        http__route="/cart/{id}",
        http__response__status_code=204,
        url__path="/cart/77",
    )
    assert found == ("GET /cart/{id}", "2xx", 0)


def test_http_by_the_legacy_names():
    found = operation(
        "HTTP POST",
        http__method="POST",
        http__route="/cart",
        http__status_code=302,
        http__target="/cart?token=secret",
    )
    assert found == ("POST /cart", "3xx", 0)


@pytest.mark.parametrize(
    ("code", "error", "expected"),
    [
        (404, False, ("4xx", 0)),
        (500, False, ("5xx", 1)),
        (503, True, ("5xx", 1)),
        (200, True, ("2xx", 1)),
        (101, False, ("ok", 0)),
        (99999, False, ("ok", 0)),
        ("418", False, ("4xx", 0)),
    ],
)
def test_status_classes_and_what_is_an_error(code, error, expected):
    attributes = {"http__request__method": "GET", "http__response__status_code": code}
    assert operation("GET", error=error, **attributes)[1:] == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("GET /users/123", "GET"),
        ("GET /users/{id}", "GET /users/{id}"),
        ("/users/3f2504e0-4f89-11d3-9a0c-0305e82c3301", "GET"),
        ("GET https://shop.example/a?token=b", "GET"),
        ("HTTP GET", "GET"),
        ("checkout_view", "GET checkout_view"),
        ("GET /checkout", "GET /checkout"),
        ("GET", "GET"),
        ("", "GET"),
    ],
)
def test_without_a_route_the_name_serves_unless_it_is_a_raw_path(name, expected):
    assert operation(name, http__request__method="GET")[0] == expected


def test_an_unknown_method_is_one_of_many():
    assert operation("x", http__request__method="HAX0R", http__route="/a")[0] == "_OTHER /a"


def test_rpc_in_both_ages():
    assert operation("s", rpc__system="grpc", rpc__service="shop.Cart", rpc__method="Add") == (
        "shop.Cart/Add",
        "ok",
        0,
    )
    assert operation("s", rpc__method="shop.Cart/Add", rpc__status_code="INTERNAL") == (
        "shop.Cart/Add",
        "error",
        1,
    )
    assert operation("s", rpc__method="Add", rpc__grpc__status_code=5)[1:] == ("ok", 0)
    assert operation("s", rpc__method="Add", rpc__grpc__status_code=13)[1:] == ("error", 1)


def test_messaging():
    kind = CONSUMER
    assert operation("x", kind, messaging__destination__name="orders")[0] == "process orders"
    assert operation("x", kind, messaging__destination="orders")[0] == "process orders"
    found = operation(
        "x",
        kind,
        messaging__destination__name="orders.77",
        messaging__destination__template="orders.{id}",
        messaging__operation__type="receive",
    )
    assert found[0] == "receive orders.{id}"
    found = operation(
        "x",
        kind,
        messaging__destination__name="amq.gen-9",
        messaging__destination__temporary=True,
    )
    assert found[0] == "process (temporary)"
    assert operation("nightly", kind)[0] == "nightly"


def test_what_is_cut_is_counted():
    perfd = Perfd()
    perfd.spans([span("x" * 257), span("y" * 256)])
    assert perfd.meter.total("perfd_truncated", what="operation") == 1


def test_others_go_by_their_name():
    assert operation("nightly report", INTERNAL, error=True) == ("nightly report", "error", 1)
    assert operation("", INTERNAL)[0] == "(unnamed)"
    assert operation("export /data/2023/x", INTERNAL)[0] == "export"
    assert operation("x" * 5_000, INTERNAL)[0] == "x" * 255 + "…"


@pytest.mark.parametrize(
    ("token", "raw"),
    [
        ("/", False),
        ("/api/v1/items", False),
        ("/oauth2/token", False),
        ("/users/:id/<int:n>", False),
        ("/files/*", False),
        ("/users/7", True),
        ("/a?b=c", True),
        ("/%20", True),
        ("/" + "a" * 41, True),
        ("grpc://x", True),
        ("word", False),
    ],
)
def test_raw_paths(token, raw):
    assert is_raw(token) is raw


def clues_of(layout, attributes):
    """What is found in a span with these attributes, in this order."""
    perfd = Perfd()
    request = request_of([span(attributes=attributes)])
    delivery = perfd.decode("traces", request.SerializeToString())
    (message,) = delivery.content[0].spans
    return operation_of(Clue(SERVER, b"n", b"", layout.clues(message, SERVER)))


USUAL = {
    "a": "x",
    "http.request.method": "GET",
    "http.route": "/a",
    "http.response.status_code": 200,
}


@pytest.mark.parametrize(
    "attributes",
    [
        {"http.request.method": "PUT", "http.route": "/b", "http.response.status_code": 500},
        {"a": "x", "http.request.method": "GET", "url.path": "/7", "http.route": "/c"},
        {"a": "x", "http.request.method": "GET", "url.path": "/7", "server.port": 1},
        {"b": 1, "c": 2, "rpc.method": "m", "rpc.service": "s"},
        {"a": "x", "http.method": "GET", "http.route": "/d", "http.status_code": 404},
        {},
        {"a": "x"},
    ],
)
def test_a_learned_layout_never_changes_what_is_found(attributes):
    learned = Layout()
    assert clues_of(learned, USUAL) == clues_of(Layout(), USUAL)
    assert clues_of(learned, attributes) == clues_of(Layout(), attributes)
    assert clues_of(learned, USUAL) == clues_of(Layout(), USUAL)
