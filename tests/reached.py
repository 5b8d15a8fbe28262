"""What the commands reach: functions and classes named, directly or through others, by commands and public functions.

Read from the syntax tree, without running anything. A class that is reached brings all its methods; a constant brings what
its value names.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import electrosaxs

SOURCE = Path(electrosaxs.__file__).parent
ENTRANCES = (
    *(f"electrosaxs.command_line.{name}" for name in (
        "app", "root", "runs", "models", "films", "campaigns", "beam_times", "live_runs", "lookups",
    )),
    "electrosaxs",
    "electrosaxs.acquisition.catalogue", "electrosaxs.acquisition.guard", "electrosaxs.acquisition.meter_server",  # programs
    "electrosaxs.recipes.live.passes",
)  # fmt: skip
CLAIMS = "electrosaxs.recipes.claims.claims"
"""The page of the claims is made by `examples/campaign/check_claims.py`."""


def module_name(file: Path) -> str:
    parts = ("electrosaxs", *file.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


class Module:
    """One file: what it defines at its top level, and what its imports are called in it."""

    def __init__(self, file: Path) -> None:
        self.file, self.name = file, module_name(file)
        self.package = self.name if file.name == "__init__.py" else self.name.rpartition(".")[0]
        self.tree = ast.parse(file.read_text(encoding="utf-8"))
        self.defined = {name: node for node in self.tree.body for name in _names_defined(node)}
        self.imported: dict[str, set[str]] = defaultdict(set)  # a name may be imported differently in two functions
        for node in _statements(self.tree):
            for name, full in self._imports(node):
                self.imported[name].add(full)
        self.always = [node for node in self.tree.body if not _names_defined(node)]

    def _imports(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.ImportFrom):
            parts = self.package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            start = ".".join(p for p in (base, node.module or "") if p)
            yield from ((alias.asname or alias.name, f"{start}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name, alias.name) for alias in node.names if alias.asname)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements in a module, those in others too; expressions, which are nine tenths of a tree, are not gone through."""
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        within = getattr(node, field, ())
        for part in within if isinstance(within, list) else ():
            yield part
            yield from _statements(part)


def _names_defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]


@lru_cache
def modules() -> dict[str, Module]:
    return {
        m.name: m
        for m in map(Module, (f for f in sorted(SOURCE.rglob("*.py")) if f.relative_to(SOURCE).parts[0] != "examples"))
    }


def homes(found: dict[str, Module], name: str) -> Iterator[tuple[Module, str]]:
    """Module and name at its top level of a dotted name, followed through packages that only pass it on."""
    owner, _, last = name.rpartition(".")
    module = found.get(owner)
    if module is not None and last in module.defined:
        yield module, last
    elif module is not None:
        for full in module.imported.get(last, ()):
            yield from homes(found, full)


@lru_cache
def reached() -> frozenset[str]:
    """Full names of all that the commands reach: `electrosaxs.analysis.kinetics.onset.onset`."""
    found = modules()
    seen: set[str] = set()
    waiting: list[tuple[Module, ast.AST]] = []

    def name_it(full: str) -> None:
        for module, name in homes(found, full):
            if (key := f"{module.name}.{name}") not in seen:
                seen.add(key)
                waiting.append((module, module.defined[name]))

    for entrance in ENTRANCES:
        for name in found[entrance].defined:
            name_it(f"{entrance}.{name}")
    for name in ("write_claims", "summary"):
        name_it(f"{CLAIMS}.{name}")
    public = _strings(found["electrosaxs"].defined["_HOME"])
    for owner in public:
        for name in public:
            name_it(f"{owner}.{name}")
    imported: set[str] = set()
    while waiting:
        module, node = waiting.pop()
        if module.name not in imported:  # what a file does when it is imported
            imported.add(module.name)
            waiting += [(module, always) for always in module.always]
        for part in ast.walk(node):
            if isinstance(part, ast.Name):
                for full in module.imported.get(part.id, {f"{module.name}.{part.id}"}):
                    name_it(full)
            elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
                for full in module.imported.get(part.value.id, ()):
                    name_it(f"{full}.{part.attr}")
            elif isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value.isidentifier():
                name_it(f"{module.name}.{part.value}")  # annotations in quotes
    return frozenset(seen)


def _strings(node: ast.AST) -> list[str]:
    return [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def public_and_private() -> dict[str, int]:
    """Every function and class at the top level of a file: full name to line."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {
        f"{m.name}.{name}": node.lineno
        for m in modules().values()
        for name, node in m.defined.items()
        if isinstance(node, kinds)
    }
