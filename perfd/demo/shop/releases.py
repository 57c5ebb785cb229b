"""The releases of pricing, and what sets them apart: the receipt, and how stock is asked for.

1.1.0 carries two mistakes that reviews let through every day: a list where a dict was, "because it
keeps the order", and a loop around a remote call, "because it is simpler". 1.1.1 takes both back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from yarl import URL

from perfd.demo.shop.rules import IndexedReceipt, ListedReceipt, Receipt

Get = Callable[[URL], Awaitable[Any]]
AskStock = Callable[[Get, URL, Sequence[str]], Awaitable[dict[str, int]]]


async def in_one_call(get: Get, inventory: URL, skus: Sequence[str]) -> dict[str, int]:
    """Ask for all articles at once."""
    found: dict[str, int] = await get(
        (inventory / "stock").with_query([("sku", sku) for sku in skus])
    )
    return found


async def one_by_one(get: Get, inventory: URL, skus: Sequence[str]) -> dict[str, int]:
    """Ask for each article: the N+1."""
    found: dict[str, int] = {}
    for sku in skus:
        found |= await get(inventory / "stock" / sku)
    return found


@dataclass(frozen=True, slots=True)
class Release:
    """What one version of pricing does its own way."""

    new_receipt: Callable[[], Receipt]
    ask_stock: AskStock


SOUND = Release(IndexedReceipt, in_one_call)
REGRESSED = Release(ListedReceipt, one_by_one)
RELEASES = {"1.0.0": SOUND, "1.1.0": REGRESSED, "1.1.1": SOUND}
