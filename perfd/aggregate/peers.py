"""Who a client span calls, and with what, by the semantic conventions.

Both must mean the same in every version of the caller and at every address of the callee, since a
call that changes its name looks like a new one. So what the caller's code says comes first, and an
address that a scheduler hands out (an IP) is left out; its port stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain

from perfd.aggregate.detail import QUERY, SQL_SYSTEMS, SUMMARY, SYSTEM, plain_name, without_literals
from perfd.aggregate.operation import (
    DESTINATION,
    HTTP_METHOD,
    HTTP_ROUTE,
    NO_DESTINATION,
    RPC_METHOD,
    RPC_SERVICE,
    TEMPORARY,
    first,
)
from perfd.model.attribute import prefix
from perfd.model.text import shorten

PEER = ("service.peer.name", "peer.service")
ADDRESS = ("server.address", "net.peer.name", "net.peer.ip")
PORT = ("server.port", "net.peer.port")
NAMESPACE = ("db.namespace", "db.name")
MESSAGING = ("messaging.system",)
TEMPLATE = ("url.template",)

_WHO = (PEER, ADDRESS, PORT, SYSTEM, NAMESPACE, MESSAGING, DESTINATION, TEMPORARY)
_WHAT = (SUMMARY, QUERY, RPC_SERVICE, RPC_METHOD, HTTP_METHOD, HTTP_ROUTE, TEMPLATE)
KEPT = tuple(map(prefix, chain(*_WHO, *_WHAT)))  # the attributes of a call that are read

NOBODY = "(unknown)"  # a span that does not say whom it calls
_IP = re.compile(r"\[?(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)\]?")
_LOCAL = frozenset({"localhost", "localhost.localdomain"})

Attributes = Mapping[str, str]


def peer_of(attributes: Attributes) -> str:
    """Who is called: `pricing`, `postgresql/shop`, `kafka/orders`, `shop.v1.Pricing`, `:5432`."""
    if peer := first(attributes, PEER):
        return shorten(peer)
    if system := first(attributes, SYSTEM):
        return shorten(f"{system}/{first(attributes, NAMESPACE) or _place(attributes)}".rstrip("/"))
    if system := first(attributes, MESSAGING):
        return shorten(f"{system}/{_destination(attributes)}".rstrip("/"))
    return shorten(_rpc_service(attributes) or _place(attributes) or NOBODY)


def call_of(name: bytes, attributes: Attributes) -> str:
    """What is asked of it: a query's summary or shape, a method and template, else the name."""
    if summary := first(attributes, SUMMARY):
        return shorten(summary)
    if query := first(attributes, QUERY):
        return shorten(_shape(query, first(attributes, SYSTEM)) or plain_name(name))
    method = first(attributes, HTTP_METHOD)
    route = first(attributes, TEMPLATE) or first(attributes, HTTP_ROUTE)
    return shorten(f"{method} {route}") if method and route else plain_name(name)


def _shape(query: str, system: str) -> str:
    return without_literals(query) if system in SQL_SYSTEMS else ""


def _destination(attributes: Attributes) -> str:
    temporary = first(attributes, TEMPORARY) == "true"
    return NO_DESTINATION if temporary else first(attributes, DESTINATION)


def _rpc_service(attributes: Attributes) -> str:
    """The service's full name, which newer conventions write before the method."""
    method = first(attributes, RPC_METHOD)
    return first(attributes, RPC_SERVICE) or method.rpartition("/")[0]


def _place(attributes: Attributes) -> str:
    """A name, or the port alone where the address is an IP or this machine."""
    address = first(attributes, ADDRESS)
    if address and not _IP.fullmatch(address) and address not in _LOCAL:
        return address
    port = first(attributes, PORT)
    return f":{port}" if port else ""
