"""What an exemplar says about a span: never a literal of a query, a raw URL or a query string."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfd.aggregate.detail import detail_of, plain_name, without_literals
from perfd.sources.otlp_json_values import JsonAny, JsonKeyValue, attributes


def detail(**values):
    pairs = [
        JsonKeyValue(key=k.replace("__", "."), value=JsonAny(string_value=v))
        for k, v in values.items()
    ]
    return detail_of(attributes(pairs))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT a1, b FROM t2 WHERE id = 42", "SELECT a1, b FROM t2 WHERE id = ?"),
        ("select * from t where n = 'O''Brien'", "select * from t where n = ??"),
        ("INSERT INTO t VALUES (1, 'a', -2.5), (2, 'b', 1e9)", "INSERT INTO t VALUES (?)"),
        ("SELECT 1 -- secret\nFROM t", "SELECT ? FROM t"),
        ("SELECT /* secret */ x", "SELECT x"),
        ("SELECT 'it\\'s secret' FROM t", "SELECT ?"),
        ("SELECT 'not closed secret", "SELECT ?"),
        ("SELECT $tag$secret$tag$", "SELECT ?"),
        ("SELECT * FROM t WHERE a = $1 AND b = ?", "SELECT * FROM t WHERE a = $1 AND b = ?"),
        ("UPDATE t SET x = 0xDEADBEEF", "UPDATE t SET x = ?"),
        ("SELECT x FROM t WHERE a IN (1,2,3)", "SELECT x FROM t WHERE a IN (?)"),
        ("{'find': 'users', 'name': 'secret'}", ""),
        ("HGETALL user:secret", "HGETALL"),
    ],
)
def test_queries_without_their_literals(query, expected):
    assert without_literals(query) == expected


def test_only_sql_is_taken_for_sql():
    assert detail(db__system="redis", db__statement="SET user:1 secret") == "SET"
    assert detail(db__system="mysql", db__statement="SET x = 'secret'") == "SET x = ?"
    assert detail(db__statement="SELECT 'secret'") == "SELECT ?"


def test_what_is_told_first():
    assert detail(db__query__summary="SELECT price", db__query__text="SELECT 1") == "SELECT price"
    assert detail(http__route="/cart", peer__service="pricing") == "/cart"
    assert detail(service__peer__name="pricing") == "pricing"
    assert detail(url__full="https://x/?token=secret", url__query="token=secret") == ""


@given(st.text(alphabet="abc '\"-/*$\\\n;(),=0123456789", max_size=60))
def test_no_quoted_secret_gets_out(noise):
    secret = "hunter"
    quoted = without_literals(f"SELECT x FROM t WHERE p = '{secret}' AND {noise}")
    assert secret not in quoted


@given(st.text(max_size=300))
def test_any_query_is_normalised(query):
    once = without_literals(f"SELECT {query}")
    assert "'" not in once
    assert '"' not in once


def test_names_lose_raw_paths():
    assert plain_name(b"GET /users/123?token=secret") == "GET"
    assert plain_name(b"GET /users/{id}") == "GET /users/{id}"
    assert plain_name(b"https://x/y?z") == "(unnamed)"
    assert plain_name(b"\xff\xfe") == "\ufffd\ufffd"
