"""What is in a cart: a pure function of its number, so that every version gets the same carts."""

from __future__ import annotations

import random
from typing import NamedTuple

SKUS = 600

# Log-normal, as baskets are: most are small, and the few large ones make the latency tail.
TYPICAL_LINES = 10
SPREAD = 0.3
MOST_LINES = 24


class Line(NamedTuple):
    """One article of a cart, as it travels in JSON."""

    sku: str
    quantity: int
    list_price: str


def cart(number: int) -> list[Line]:
    """The lines of the cart with this number, always the same."""
    rng = random.Random(number)
    size = round(TYPICAL_LINES * rng.lognormvariate(0, SPREAD))
    articles = rng.sample(range(SKUS), min(max(size, 1), MOST_LINES))
    return [_line(rng, article) for article in articles]


def sku(article: int) -> str:
    """The stock-keeping unit of an article."""
    return f"sku-{article:04d}"


def _line(rng: random.Random, article: int) -> Line:
    cents = 199 + article * 37 % 9800
    return Line(sku(article), rng.randint(1, 5), f"{cents / 100:.2f}")
