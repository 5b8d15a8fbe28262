"""Names in signatures are looked for among names that end alike, not among all objects of the package one by one.

A type of another package is no object here, and Sphinx reads the whole inventory each time to find that out.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sphinx.domains.python import PythonDomain

ANY_PLACE = 1
"""Sphinx's search mode of a name that may stand in any module."""


class KnownNames(PythonDomain):
    """Python's domain with an index of last names."""

    def find_obj(
        self, env: Any, modname: str, classname: str, name: str, type: str | None, searchmode: int = 0
    ) -> list[Any]:
        if searchmode != ANY_PLACE:
            return super().find_obj(env, modname, classname, name, type, searchmode)
        last = name.removesuffix("()").rpartition(".")[2]
        everything = self.data["objects"]
        alike = {full: everything[full] for full in self._index(everything).get(last, ())}
        if not alike:
            return []
        self.data["objects"] = alike
        try:
            return super().find_obj(env, modname, classname, name, type, searchmode)
        finally:
            self.data["objects"] = everything

    def _index(self, everything: dict[str, Any]) -> dict[str, list[str]]:
        """Last name -> full names; made again when there are more."""
        known: tuple[int, dict[str, list[str]]] = getattr(self, "_known", (-1, {}))
        if known[0] != len(everything):
            index: dict[str, list[str]] = defaultdict(list)
            for full in everything:
                index[full.rpartition(".")[2]].append(full)
            known = self._known = (len(everything), dict(index))
        return known[1]


def setup(app: Any) -> dict[str, bool]:
    app.add_domain(KnownNames, override=True)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
