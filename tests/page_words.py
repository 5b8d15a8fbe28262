"""What a reader sees of a page, and what must never stand there."""

import re

WRONG = re.compile(
    r"\bnan\b|\bNone\b|\binf\b|[-−]0(?:\.0+)?(?![\w./])|\b\d[\d.]*e[-+]\d|\bphi0?\b|\bum\b|\+/?-|\+/-|\bchi-squared\b"
)
"""Words of a program, minus 0, powers of ten as a program writes them, names of signs."""


def without_pictures(page: str) -> str:
    """`page` without the bytes of its pictures."""
    return re.sub(r"base64,[A-Za-z0-9+/=]+", "", page)


def words_of(page: str) -> str:
    """The words of `page`: no style, no tags, no provenance, which is printed as it was recorded."""
    page = re.sub(r"<style>.*?</style>", "", without_pictures(page), flags=re.DOTALL)
    return re.sub(r"<[^>]*>", " ", page.partition('<section id="provenance">')[0])


def linked_figures(page: str) -> list[str]:
    """Files that the figures of `page` link to, each numbered in its turn."""
    page = without_pictures(page)
    files = re.findall(r'<figure[^>]*><a href="([\w./+-]+)\.png">', page)
    assert len(files) == page.count("<figure")
    assert re.findall(r"<b>Figure (\d+)\.</b>", page) == [str(n + 1) for n in range(len(files))]
    return files
