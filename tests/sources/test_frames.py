import pytest

from perfd.sources.frames import function, printable


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("quote", "quote"),
        ("parse.<locals>.<genexpr>", "parse.<genexpr>"),
        ("<function f at 0x7f12ab>", "<function f>"),
        ("malloc+0x1f", "malloc"),
        ("0x7f0011223344", "[unknown]"),
        ("", "[unknown]"),
        ("com.shop.Cart$$Lambda$123/0x0000000800c3.run", "com.shop.Cart$$Lambda.run"),
        ("com.shop.Cart.lambda$total$4", "com.shop.Cart.lambda$total"),
        ("run()::{lambda(int)#2}::operator()", "run()::{lambda(int)}::operator()"),
        ("./a.js:(anonymous:L#6:C#79):6", "./a.js:(anonymous)"),
        ("./a.js:step:6", "./a.js:step"),
        ("f (/venv/lib/python3.11/site-packages/a/b.py)", "f (a/b.py)"),
        ("main.run.func1", "main.run.func1"),
        ("std::vector<int>::push_back", "std::vector<int>::push_back"),
    ],
)
def test_a_name_loses_what_varies_between_processes_and_releases(given: str, kept: str) -> None:
    assert function(given, "").name == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("/srv/shop/pricing.py", "/srv/shop/pricing.py"),
        ("/v/lib/python3.11/site-packages/aiohttp/web.py", "site-packages/aiohttp/web.py"),
        ("/usr/lib/python3/dist-packages/yaml/x.py", "site-packages/yaml/x.py"),
        ("/usr/lib/python3.13/json/decoder.py", "lib/python3/json/decoder.py"),
        ("/srv/releases/20261120/shop.rb", "/srv/releases/*/shop.rb"),
    ],
)
def test_a_file_keeps_its_path_from_where_it_is_the_same_everywhere(given: str, kept: str) -> None:
    assert function("f", given).file == kept


def test_text_of_a_sender_is_printable_and_bounded() -> None:
    assert printable(b"quote", 8) == ("quote", False)
    assert printable("añb".encode("latin-1"), 8) == ("a\ufffdb", False)
    assert printable(b"a\x00\nb", 8) == ("a\ufffd\ufffdb", False)
    assert printable(b"x" * 100, 8) == ("xxxxxxxx…[+92 bytes]", True)
