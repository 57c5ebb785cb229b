"""The shop's rules, carts, stock and releases: the regression is slow, and never wrong."""

import asyncio
import statistics

import pytest
from yarl import URL

from perfd.demo.shop import rules
from perfd.demo.shop.carts import MOST_LINES, cart
from perfd.demo.shop.releases import RELEASES
from perfd.demo.shop.stock import Stock
from perfd.demo.shop.upstream import Upstream

OLD, NEW = URL("http://127.0.0.1:1"), URL("http://127.0.0.1:2")


class Counted(str):
    """A code that counts how often it is compared."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other):
        Counted.compared += 1
        return str.__eq__(self, other)


@pytest.fixture
def stock(tmp_path):
    stock = Stock(tmp_path / "stock.db")
    yield stock
    stock.close()


@pytest.mark.parametrize("version", RELEASES)
def test_every_release_asks_the_same_prices(version):
    for number in range(40):
        lines = cart(number)
        quoted = rules.quote(lines, RELEASES[version].new_receipt())
        assert quoted == rules.quote(lines, RELEASES["1.0.0"].new_receipt())


def comparisons(version, discounts):
    Counted.compared = 0
    receipt = RELEASES[version].new_receipt()
    rules.merge_discounts([(Counted(f"code-{n}"), "sku", n) for n in range(discounts)], receipt)
    return Counted.compared


def test_only_the_regression_is_quadratic():
    assert comparisons("1.1.0", 400) > 3.9 * comparisons("1.1.0", 200) > 0
    assert comparisons("1.0.0", 400) == comparisons("1.1.1", 400) < 400


def test_a_discount_is_granted_once():
    receipt = rules.IndexedReceipt()
    discount = ("code", "sku", rules.CENT)
    rules.merge_discounts([discount, discount], receipt)
    assert list(receipt) == [discount]


def test_no_line_is_cut_deeper_than_allowed():
    for number in range(40):
        lines = cart(number)
        full = sum(map(rules.line_worth, lines))
        total = rules.Decimal(rules.quote(lines, rules.IndexedReceipt())["total"])
        assert full * (1 - rules.DEEPEST_CUT) <= total + rules.CENT <= full + rules.CENT


def test_a_cart_is_always_the_same():
    assert cart(5) == cart(5) != cart(6)


def test_cart_sizes_are_spread_as_baskets_are():
    sizes = [len(cart(number)) for number in range(2000)]
    assert min(sizes) >= 1
    assert max(sizes) == MOST_LINES
    assert statistics.mean(sizes) > statistics.median(sizes)


def test_stock_is_the_same_by_one_query_or_by_many(stock):
    wanted = ["sku-0009", "sku-0018", "sku-0027"]
    assert stock.several(wanted) == {sku: stock.one(sku) for sku in wanted}


def test_unknown_articles_are_not_in_stock(stock):
    assert stock.one("sku-9999") == 0
    assert stock.several(["sku-9999"]) == {}


def test_only_the_regression_asks_for_each_article():
    paths = {version: release.stock_path for version, release in RELEASES.items()}
    assert paths == {"1.0.0": "stock", "1.1.0": "stock/each", "1.1.1": "stock"}


async def test_an_upstream_is_switched_at_once_and_left_when_unused():
    upstream = Upstream(OLD)
    async with upstream.lease() as before:
        switching = asyncio.create_task(upstream.switch(NEW))
        await asyncio.sleep(0)
        async with upstream.lease() as after:
            assert (before, after) == (OLD, NEW)
            assert not switching.done()
    await switching


async def test_an_upstream_that_is_switched_to_itself_is_not_waited_for():
    upstream = Upstream(OLD)
    async with upstream.lease():
        await upstream.switch(OLD)
