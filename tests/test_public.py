"""`import electrosaxs` is cheap, offers the functions behind the commands, and needs nothing but what is declared."""

import ast
import doctest
import importlib.util
import inspect
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import electrosaxs

ROOT = Path(__file__).parents[1]
SOURCE = Path(electrosaxs.__file__).parent
PINNED = {"pydantic_core"}
"""Part of a package that is declared (pydantic), which asks for it."""
NOUNS = {"__version__", "ElectrosaxsError", "Experiment", "FilmOptions", "Results"}
FUNCTIONS = sorted(set(electrosaxs.__all__) - NOUNS)


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = (project["optional-dependencies"][name] for name in ("beamline", "epics", "afm", "cluster", "dashboard"))
    asked = [*project["dependencies"], *(package for extra in extras for package in extra)]
    return {re.split(r"[<>=\[ ]", text)[0].lower() for text in asked}


def imported(code: str) -> set[str]:
    """Top-level packages that `code` imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.split(".")[0])
    return found


def python_of(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)


def example(name: str) -> list[doctest.Example]:
    return doctest.DocTestParser().get_examples(inspect.getdoc(getattr(electrosaxs, name)) or "")


def test_what_is_offered_is_there_and_completes() -> None:
    assert set(dir(electrosaxs)) == set(electrosaxs.__all__) == {*electrosaxs._HOME, "__version__"}
    assert all(hasattr(electrosaxs, name) for name in electrosaxs.__all__)
    tree = ast.parse(Path(electrosaxs.__file__).read_text("utf-8"))
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name for node in checked.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert seen == set(electrosaxs._HOME)  # what an editor completes is what there is
    assert {"volume_fraction", "flux", "diameter", "numbers"} <= set(electrosaxs.Results.__annotations__)
    assert (SOURCE / "py.typed").is_file()


def test_the_import_alone_loads_nothing_heavy() -> None:
    code = "import sys, electrosaxs; print([m for m in ('numpy', 'scipp', 'xarray', 'typer') if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_shows_two_lines_that_fit_its_parameters(name: str) -> None:
    first, second = example(name)
    assert first.source == f"from electrosaxs import {name}\n"
    calls = [node for node in ast.walk(ast.parse(second.source)) if isinstance(node, ast.Call)]
    (call,) = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == name]
    given = {word.arg or "": word.value for word in call.keywords}
    inspect.signature(getattr(electrosaxs, name)).bind(*call.args, **given)


def test_what_the_package_and_its_pages_import_is_declared() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    code = [file.read_text("utf-8") for file in SOURCE.rglob("*.py")] + [c for page in pages for c in python_of(page)]
    needed = (
        {name for text in code for name in imported(text)} - set(sys.stdlib_module_names) - {"electrosaxs", *PINNED}
    )
    homes = packages_distributions()
    missing = {name for name in needed if not {home.lower() for home in homes.get(name, [name])} & declared()}
    assert not missing
    assert {"xarray", "pandas"} <= needed
    assert importlib.util.find_spec("xarray") is not None
