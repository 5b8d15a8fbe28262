"""The documents say what the code is: links lead somewhere, everything public is described, sources are listed."""

from __future__ import annotations

import ast
import importlib
import re
import unicodedata
from pathlib import Path

import pytest
from reached import modules, public_and_private, reached

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "electrosaxs"
DOCS = ROOT / "docs"
MODULES = sorted(SOURCE.rglob("*.py"))
PAGES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\{py:(?:func|class|mod)\}`~?(electrosaxs[\w.]+)`")
CITED = re.compile(r"\{cite:\w+\}`([^`]+)`")
# "Mason & Weaver 1924", "Yu et al. 2018", "Weideman (2006)", "Baxter, Aust. J. Phys. 21, 563 (1968)"
AUTHOR_YEAR = re.compile(
    r"\b([A-Z][\w'-]*[a-zà-ÿ])(?: & [A-Z][\w'-]+| et al\.)?(?:,? \(?|,[^()\"]{0,70}\()((?:18|19|20)\d\d)\b"
)


def linked_names() -> list[str]:
    return sorted({name for page in PAGES for name in LINK.findall(page.read_text(encoding="utf-8"))})


def bibliography_keys() -> list[str]:
    return re.findall(r"^@\w+\{(\w+),", (DOCS / "references.bib").read_text(encoding="utf-8"), re.M)


def key(author: str, year: str) -> str:
    """Surname without accents, lower case, and year."""
    plain = unicodedata.normalize("NFKD", author).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]", "", plain.lower()) + year


@pytest.mark.parametrize("name", linked_names())
def test_what_a_page_links_to_exists(name: str) -> None:
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part)
        return
    pytest.fail(f"{name} does not exist")


def test_the_map_leads_from_frames_to_every_folder() -> None:
    linked = {name.split(".")[1] for name in LINK.findall((DOCS / "map.md").read_text(encoding="utf-8"))}
    folders = {f.relative_to(SOURCE).parts[0] for f in MODULES if f.parent != SOURCE}
    assert folders <= linked, f"docs/map.md says nothing of {sorted(folders - linked)}"
    assert (folders - {"nouns"}) | {"base"} <= {page.stem for page in (DOCS / "api").glob("*.md")}


def test_the_map_answers_its_questions_with_files_that_are_there() -> None:
    table = (DOCS / "map.md").read_text(encoding="utf-8").partition("## Where is it?")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "question |" not in line]
    assert len(rows) >= 21
    for row in rows:
        files = re.findall(r"`([\w/]+\.py)`", row)
        assert files, row
        assert all((SOURCE / name).is_file() for name in files), row


def test_the_map_names_only_what_the_commands_call() -> None:
    named = set(LINK.findall((DOCS / "map.md").read_text(encoding="utf-8")))
    modules = {".".join(("electrosaxs", *f.relative_to(SOURCE).with_suffix("").parts)) for f in MODULES}
    unreached = {name for name in named if name not in modules} - reached()
    assert not unreached


def test_what_no_command_reaches_is_not_there() -> None:
    assert not set(public_and_private()) - reached()


def test_everything_public_is_described() -> None:
    silent = []
    for module in modules().values():
        tree = module.tree
        public = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef) and not n.name.startswith("_")]
        nameless = [n.name for n in public if not ast.get_docstring(n)]
        head = [] if ast.get_docstring(tree) or not public else ["the head of the file"]
        silent += [f"{module.name}: {name}" for name in (*head, *nameless)]
    assert not silent, "no docstring: " + ", ".join(silent)


def test_every_source_is_in_the_bibliography() -> None:
    keys, missing = set(bibliography_keys()), set()
    for file in [*MODULES, *ROOT.glob("benchmarks/*.py"), *ROOT.glob("tests/**/*.py")]:
        text = " ".join(file.read_text(encoding="utf-8").split())
        if file == Path(__file__):
            continue
        missing |= {
            (k, file.name) for author, year in AUTHOR_YEAR.findall(text) if (k := key(author, year)) not in keys
        }
    for page in PAGES:
        cited = {k.strip() for group in CITED.findall(page.read_text(encoding="utf-8")) for k in group.split(",")}
        missing |= {(k, page.name) for k in cited - keys}
    assert not missing, f"not in docs/references.bib: {sorted(missing)}"


def test_the_bibliography_names_each_source_once() -> None:
    keys = bibliography_keys()
    assert not {k for k in keys if keys.count(k) > 1}


def test_a_decision_has_its_own_number_and_says_it() -> None:
    pages = sorted((DOCS / "decisions").glob("*.md"))
    numbers = [page.name[:4] for page in pages]
    assert len(set(numbers)) == len(numbers), numbers
    for page, number in zip(pages, numbers, strict=True):
        assert page.read_text(encoding="utf-8").startswith(f"# {number} "), page.name
