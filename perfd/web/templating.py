"""Jinja2 with autoescape, and how numbers and times are written on every page."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from perfd import __version__
from perfd.model.times import to_rfc3339
from perfd.tickets import wording
from perfd.web import links, static
from perfd.web.svg.draw import el

_FOLDER = Path(__file__).parent / "templates"
# A space between a digit or an arrow and what belongs to it.
_UNIT = re.compile(r"([\d(±]) (?=[%a-zµKMG])")
_HTML_ESCAPES = ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"))


@cache
def environment() -> Environment:
    """The one environment; a name that a template misspells is an error."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(version=__version__, static=static.address)
    made.filters.update(
        time=time,
        number=wording.count,
        duration=wording.length,
        metric=wording.metric_name,
        service_path=links.service_path,
        ticket_path=links.ticket_path,
        outside=links.outside,
        json_script=json_script,
        tight=tight,
    )
    return made


def render(template: str, **values: Any) -> str:
    """A page."""
    return environment().get_template(template).render(**values)


def time(at: float, form: str = "minutes") -> Markup:
    """A moment: UTC as written here, in the reader's zone once the script ran, UTC in the title."""
    text = wording.moment(at)
    return el("time", text, datetime=to_rfc3339(at), title=text, data_form=form)


def tight(text: str) -> str:
    """A number keeps its unit beside it at the end of a line."""
    return _UNIT.sub("\\1\u00a0", text)


def json_script(document: Any) -> Markup:
    """JSON fit to stand inside a script element: nothing in it can end the element."""
    text = msgspec.json.encode(document)
    for character, escaped in _HTML_ESCAPES:
        text = text.replace(character, escaped)
    return Markup(text.decode())  # noqa: S704 - escaped above
