"""Imports go one way: folders are the data flow read downwards (docs/map.md)."""

import ast
from pathlib import Path

import pytest

import electrosaxs

SOURCE = Path(electrosaxs.__file__).parent
BASE = {"nouns", "units", "errors", "materials"}
VERSION = "__version__"  # a constant of the package: files that leave the house say which version wrote them
ALLOWED: dict[str, set[str]] = {
    "nouns": {"units", "errors"},
    "units": {"errors"},
    "errors": set(),
    "materials": {"errors"},
    "physics": BASE,
    "transport": BASE | {"physics"},
    "reduction": BASE | {"physics"},
    "analysis": BASE | {"physics"},
    "twin": BASE | {"physics", "transport"},
    "inference": BASE | {"physics", "transport", "analysis"},
    "control": BASE | {"physics", "transport", "analysis"},
    "io": {"nouns", "units", "errors", VERSION},
    "figures": {"nouns", "units", "errors"},
    "report": {"nouns", "units", "errors", "figures"},
    "recipes": BASE
    | {
        "physics",
        "transport",
        "reduction",
        "analysis",
        "twin",
        "inference",
        "control",
        "io",
        "figures",
        "report",
        VERSION,
    },
    "command_line": {"recipes", "errors"},
    "__init__": {"recipes", "nouns"},
}


def imported_folders(file: Path) -> set[str]:
    """Names directly below electrosaxs that `file` imports, also inside functions."""
    package = ("electrosaxs", *file.relative_to(SOURCE).parent.parts)
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            path = (*base, *(node.module or "").split("."))
            names = [path] if node.module else [(*base, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
        else:
            continue
        found |= {n[1] for n in names if n[0] == "electrosaxs" and len(n) > 1 and n[1]}
    return found


@pytest.mark.parametrize("file", sorted(SOURCE.rglob("*.py")), ids=lambda f: str(f.relative_to(SOURCE)))
def test_imports_go_one_way(file: Path) -> None:
    folder = file.relative_to(SOURCE).parts[0].removesuffix(".py")
    assert folder in ALLOWED, f"{folder} has no place in the data flow: name it in docs/map.md and here"
    extra = imported_folders(file) - ALLOWED[folder] - {folder}
    assert not extra, f"{folder} may not import {sorted(extra)}"


@pytest.mark.parametrize("file", sorted(SOURCE.rglob("*.py")), ids=lambda f: str(f.relative_to(SOURCE)))
def test_a_file_is_one_idea(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 400
