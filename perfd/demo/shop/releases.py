"""The releases of pricing, and what sets them apart: the receipt, and how stock is asked for.

1.1.0 carries two mistakes that reviews let through every day: a list where a dict was, "because it
keeps the order", and a call that runs one query per article, "because it is always fresh". 1.1.1
takes both back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from perfd.demo.shop.rules import IndexedReceipt, ListedReceipt, Receipt


@dataclass(frozen=True, slots=True)
class Release:
    """What one version of pricing does its own way."""

    new_receipt: Callable[[], Receipt]
    stock_path: str


SOUND = Release(IndexedReceipt, "stock")
REGRESSED = Release(ListedReceipt, "stock/each")
RELEASES = {"1.0.0": SOUND, "1.1.0": REGRESSED, "1.1.1": SOUND}
