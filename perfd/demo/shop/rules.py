"""Pricing rules: which offers a cart earns, and what it costs after them.

`merge_discounts` is where release 1.1.0 goes wrong: the function is the same, but what it keeps the
receipt in is not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple, Protocol

from perfd.demo.shop.carts import Line

CENT = Decimal("0.01")
DEEPEST_CUT = Decimal("0.60")

# One offer granted on one article: the offer's code, the article, and what it takes off.
Discount = tuple[str, str, Decimal]


class Offer(NamedTuple):
    """A promotion for the articles of one group: this much off, from some worth of a line on."""

    code: str
    group: int
    least: Decimal
    percent: Decimal


class Receipt(Protocol):
    """The discounts granted so far, in the order in which they were granted."""

    def __contains__(self, discount: object, /) -> bool: ...

    def __iter__(self) -> Iterator[Discount]: ...

    def grant(self, discount: Discount) -> None:
        """Add a discount."""
        ...


class IndexedReceipt(dict[Discount, None]):
    """Keeps the order, and finds a discount by its hash."""

    def grant(self, discount: Discount) -> None:
        """Add a discount."""
        self[discount] = None


class ListedReceipt(list[Discount]):
    """Keeps the order, and finds a discount by comparing it with every other: quadratic."""

    grant = list.append


# A big shop runs hundreds of promotions at a time, and tries each of them on each line.
GROUPS = 14
OFFERS = tuple(
    Offer(f"offer-{number:03d}", number % GROUPS, Decimal(number % 7), Decimal(1 + number % 4))
    for number in range(660)
)


def quote(lines: list[Line], receipt: Receipt) -> dict[str, str]:
    """The price of a cart after all discounts, sealed so that checkout can trust it."""
    worths = {line.sku: line_worth(line) for line in lines}
    for line in lines:
        merge_discounts(eligible_discounts(line.sku, worths[line.sku]), receipt)
    total = apply_discounts(worths, receipt)
    return {"total": str(total), "seal": seal(lines, total)}


def line_worth(line: Line) -> Decimal:
    """What a line costs before discounts."""
    return _to_cents(Decimal(line.list_price) * line.quantity)


def eligible_discounts(sku: str, worth: Decimal) -> list[Discount]:
    """What a line qualifies for."""
    group = int(sku.removeprefix("sku-")) % GROUPS
    return [
        (offer.code, sku, cut)
        for offer in OFFERS
        if (cut := cut_by(offer, worth)) and offer.group == group
    ]


def cut_by(offer: Offer, worth: Decimal) -> Decimal:
    """What an offer takes off a line of this worth; nothing below the worth that it asks for."""
    if worth < offer.least:
        return Decimal(0)
    return _to_cents(min(worth * offer.percent / 100, worth * DEEPEST_CUT))


def merge_discounts(discounts: Iterable[Discount], receipt: Receipt) -> None:
    """Grant each discount once, however many offers bring it."""
    for discount in discounts:
        if discount not in receipt:
            receipt.grant(discount)


def apply_discounts(worths: dict[str, Decimal], receipt: Receipt) -> Decimal:
    """The sum of all lines, none of them cut deeper than the shop allows."""
    cuts = dict.fromkeys(worths, Decimal(0))
    for _, sku, cut in receipt:
        cuts[sku] += cut
    totals = (worth - min(cuts[sku], worth * DEEPEST_CUT) for sku, worth in worths.items())
    return _to_cents(sum(totals, Decimal(0)))


def seal(lines: list[Line], total: Decimal) -> str:
    """A digest over the cart and its price."""
    digest = hashlib.sha256(str(total).encode())
    for line in lines:
        digest.update(repr(line).encode())
    return digest.hexdigest()


def _to_cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
