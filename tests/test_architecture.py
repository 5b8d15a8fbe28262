"""Imports go one way: folders are the data flow read downwards (docs/map.md)."""

import ast
from functools import cache
from pathlib import Path

import electrosaxs

SOURCE = Path(electrosaxs.__file__).parent
FILES = [
    f for f in sorted(SOURCE.rglob("*.py")) if f.relative_to(SOURCE).parts[0] != "examples"
]  # an installed package holds them
BASE = {"nouns", "units", "errors", "materials", "compiled"}
VERSION = "__version__"  # a constant of the package: files that leave the house say which version wrote them
ROOMS = ("analysis", "recipes")
"""Folders whose rooms have an order of their own: below, `folder/room`."""
ANALYSIS = BASE | {"physics", "analysis/spheres"}
BELOW_INFERENCE = BASE | {"physics", "transport", "analysis/*"}
BELOW_RECIPES = BELOW_INFERENCE | {
    "cluster",
    "reduction", "calibration", "grazing", "micrographs", "twin", "inference", "claims", "control", "acquisition", "io",
    "figures", "report", "dashboard", VERSION,
}  # fmt: skip
ALLOWED: dict[str, set[str]] = {
    "nouns": {"units", "errors"},
    "units": {"errors"},
    "errors": set(),
    "compiled": set(),
    "materials": {"errors", "nouns"},
    "physics": BASE,
    "transport": BASE | {"physics"},
    "calibration": BASE | {"physics"},
    "reduction": BASE | {"physics"},
    "micrographs": BASE | {"physics"},
    "grazing": BASE | {"physics", "reduction"},
    "analysis": set(),
    "analysis/spheres": BASE | {"physics"},
    "analysis/footprint": BASE | {"physics"},
    "analysis/concentration": ANALYSIS,
    "analysis/kinetics": BASE | {"physics", "analysis/footprint"},
    "analysis/free_form": ANALYSIS | {"analysis/kinetics"},
    "analysis/crystals": ANALYSIS | {"analysis/concentration"},
    "twin": BASE | {"physics", "transport"},
    "acquisition": BASE | {"twin"},  # acquisition.simulated is the twin as devices
    "inference": BELOW_INFERENCE,
    "claims": BELOW_INFERENCE,
    "control": BELOW_INFERENCE,
    "io": {"nouns", "units", "errors", "compiled", VERSION},
    "figures": {"nouns", "units", "errors"},
    "dashboard": {"nouns", "units", "errors"},
    "cluster": {"errors"},
    "report": {"nouns", "units", "errors", "figures", "io"},
    "recipes": BELOW_RECIPES | {"recipes/analyse"},  # the demo analyses what it simulated
    "recipes/experiment": BELOW_RECIPES
    | {
        "recipes",
        "recipes/analyse",
        "recipes/islands",
    },  # a frame becomes phi as in an analysis; the anode is photographed
    "recipes/*": BELOW_RECIPES | {"recipes"},  # every wing
    "recipes/campaign": BELOW_RECIPES | {"recipes", *(f"recipes/{wing}" for wing in ("analyse", "film", "islands"))},
    "recipes/paper": BELOW_RECIPES
    | {"recipes", *(f"recipes/{wing}" for wing in ("campaign", "claims", "film", "islands"))},
    "recipes/live": BELOW_RECIPES | {"recipes", "recipes/analyse"},  # the same analysis, while the run goes on
    "command_line": {"errors", "nouns", "control", "inference", "recipes", "recipes/*", VERSION},
    "__init__": {"recipes", "recipes/*", "nouns", "errors"},
    "__main__": {"command_line"},
}


def room(names: tuple[str, ...]) -> str:
    """Where a file or an import belongs: the folder below electrosaxs, or the room of a folder that has rooms."""
    if names[0] in ROOMS and len(names) > 1 and (SOURCE / names[0] / names[1]).is_dir():
        return "/".join(names[:2])
    return names[0].removesuffix(".py")


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imported_folders(file: Path) -> set[str]:
    """Folders and rooms that `file` imports, also inside functions."""
    package = ("electrosaxs", *file.relative_to(SOURCE).parent.parts)
    found: set[str] = set()
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            path = (*base, *(node.module or "").split("."))
            names = [path] if node.module else [(*base, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
        else:
            continue
        found |= {room(n[1:]) for n in names if n[0] == "electrosaxs" and len(n) > 1 and n[1]}
    return found


def forbidden(file: Path) -> list[str]:
    """What is wrong with the imports of `file`."""
    name = str(file.relative_to(SOURCE))
    folder = room(file.relative_to(SOURCE).parts)
    place = folder if folder in ALLOWED else f"{folder.rpartition('/')[0]}/*"
    if place not in ALLOWED:
        return [f"{name}: {folder} has no place in the data flow: name it in docs/map.md and here"]
    allowed = ALLOWED[place] | {folder}
    extra = {
        found for found in imported_folders(file) if not {found, found.replace(found.rpartition("/")[2], "*")} & allowed
    }
    return [f"{name}: {folder} may not import {sorted(extra)}"] if extra else []


def test_imports_go_one_way() -> None:
    wrong = [words for file in FILES for words in forbidden(file)]
    assert not wrong, "\n".join(wrong)


def test_a_file_is_one_idea() -> None:
    long = [str(f.relative_to(SOURCE)) for f in FILES if len(f.read_text(encoding="utf-8").splitlines()) > 400]
    assert not long, f"more than 400 lines: {long}"


def test_formats_of_files_are_known_to_io_alone() -> None:
    others = [file for file in FILES if file.relative_to(SOURCE).parts[0] != "io"]
    opened = {str(file.relative_to(SOURCE)) for file in others if imported_names(file) & {"h5py", "csv", "tomllib"}}
    assert not opened


def imported_names(file: Path) -> set[str | None]:
    """Modules, and names from modules, that `file` imports, as they stand there."""
    nodes = [n for n in ast.walk(parsed(file)) if isinstance(n, ast.Import | ast.ImportFrom)]
    names = {alias.name for n in nodes for alias in n.names}
    return names | {n.module for n in nodes if isinstance(n, ast.ImportFrom)}


def test_every_file_is_looked_at() -> None:
    assert len(FILES) > 400
    assert {f.relative_to(SOURCE).parts[0] for f in FILES} >= {"io", "physics", "recipes", "__init__.py"}
