"""What an exemplar may say about a span beside its name: little, and never what a user typed.

Only allow-listed attributes are read: the query's summary, the query's text with its literals
replaced, the route, the peer. Names lose raw paths and URLs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from perfd.aggregate.operation import decoded, first
from perfd.aggregate.paths import without_raw
from perfd.model.attribute import prefix
from perfd.model.text import shorten

SUMMARY = ("db.query.summary",)
QUERY = ("db.query.text", "db.statement")
ROUTE = ("http.route",)
PEER = ("service.peer.name", "peer.service")
SYSTEM = ("db.system.name", "db.system")
DETAIL = tuple(map(prefix, SUMMARY + QUERY + ROUTE + PEER + SYSTEM))
DETAIL_BYTES = 4_096  # an attribute that is longer is not held

# Where a query is SQL; elsewhere its text has values that nothing marks (`SET key value`).
SQL_SYSTEMS = frozenset(
    {"", "cockroachdb", "db2", "h2", "ibm.db2", "mariadb", "microsoft.sql_server", "mssql"}
    | {"mysql", "oracle", "oracle.db", "other_sql", "postgresql", "sqlite", "trino"}
)

_VERB = re.compile(
    r"\s*(?:select|insert|update|delete|with|merge|replace|create|alter|drop|truncate|begin|commit"
    r"|rollback|savepoint|release|pragma|explain|values|set|call|exec|execute|analyze|vacuum)\b",
    re.IGNORECASE,
)
# One pass over strings, dollar quotes, comments and numbers; each alternative is linear. A quote
# that is not closed, or holds a backslash (an escape in some dialects only), takes all the rest.
_LITERAL = re.compile(
    r"""
      (?P<quoted>'[^'\\]*'|"[^"\\]*")
    | (?P<rest>['"].*|\$(?:[A-Za-z_]\w*)?\$.*)
    | (?P<comment>--[^\n]*|/\*.*?\*/|/\*.*|\#[^\n]*)
    | (?P<number>(?<![\w$?])[+-]?(?:0[xX][0-9a-fA-F]+|\d[\w.]*))
    """,
    re.VERBOSE | re.DOTALL,
)
_LIST = re.compile(r"\(\s*\?(?:\s*,\s*\?)*\s*\)(?:\s*,\s*\(\s*\?(?:\s*,\s*\?)*\s*\))*")
_SPACE = re.compile(r"\s+")


def plain_name(name: bytes) -> str:
    """A span's name without raw paths and URLs."""
    return shorten(without_raw(name.decode("utf-8", "replace"))) or "(unnamed)"


def detail_of(attributes: Sequence[bytes]) -> str:
    """The most telling of the allow-listed attributes; empty without any."""
    found = decoded(attributes)
    if summary := first(found, SUMMARY):
        return shorten(summary)
    if query := first(found, QUERY):
        is_sql = first(found, SYSTEM) in SQL_SYSTEMS
        return shorten(without_literals(query) if is_sql else _first_word(query))
    return shorten(first(found, ROUTE) or first(found, PEER))


def without_literals(query: str) -> str:
    """SQL with `?` for every literal; of what does not look like SQL only the first word.

    Text in double quotes counts as a literal too, since in some dialects it is one.
    """
    if not _VERB.match(query):
        return _first_word(query)
    plain = _LITERAL.sub(lambda m: " " if m["comment"] else "?", query)
    return _SPACE.sub(" ", _LIST.sub("(?)", plain)).strip()


def _first_word(query: str) -> str:
    """The command of a query in another language; empty where it does not begin with one."""
    word = query.split(maxsplit=1)[0] if query.strip() else ""
    return word if word.isalpha() else ""
