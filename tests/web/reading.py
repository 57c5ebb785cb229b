"""A page as a test reads it: heading, words, links, and its tree of nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

Node = tuple[str, str, tuple[str, ...]]
VOID = {"meta", "link", "br", "input", "hr", "img"}


@dataclass
class Page:
    heading: str = ""
    text: str = ""
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)  # what the content policy would stop
    nodes: list[Node] = field(default_factory=list)
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def count(self, tag: str, class_: str | None = None) -> int:
        return sum(
            name == tag and (class_ is None or class_ in attributes.get("class", "").split())
            for name, attributes in self.elements
        )


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.page.elements.append((tag, attributes))
        self.page.nodes.append(("open", tag, tuple(sorted(attributes))))
        if tag not in VOID:
            self._open.append(tag)
        self._note(tag, attributes)

    def _note(self, tag: str, attributes: dict[str, str]) -> None:
        page = self.page
        if tag == "a":
            page.links.append(attributes.get("href", ""))
        if tag == "link":
            page.loads.append(attributes["href"])
        if "src" in attributes:
            page.loads.append(attributes["src"])
        script = tag == "script" and "src" not in attributes
        if tag == "style" or (script and attributes.get("type") != "application/json"):
            page.inline.append(tag)
        page.inline += [name for name in attributes if name == "style" or name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        self.page.nodes.append(("close", tag, ()))
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if "script" in self._open:
            return
        self.page.text += data
        if "h1" in self._open:
            self.page.heading += data


def read(html: str) -> Page:
    """Parse a page."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.page.heading = " ".join(reader.page.heading.split(" ")).strip()
    return reader.page
