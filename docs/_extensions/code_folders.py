"""Pages api/FOLDER.md end with every module of that folder of the package, so that no list can be out of date."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

MODULE = """
## {title}

```{{eval-rst}}
.. automodule:: {name}
   :members:
   :show-inheritance:
```
"""


def modules(package: str, folder: str) -> list[str]:
    """Full names of the modules of a folder; of "base", those directly below the package and the nouns."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    files = [*root.glob("*.py"), *root.glob("nouns/*.py")] if folder == "base" else list((root / folder).rglob("*.py"))
    parts = sorted(f.relative_to(root).with_suffix("").parts for f in files)
    return [".".join((package, *p)) for p in parts if p[-1] != "__init__"]


def add_modules(app: Any, docname: str, source: list[str]) -> None:
    if not docname.startswith("api/"):
        return
    package = app.config.code_folders_package
    for name in modules(package, docname.removeprefix("api/")):
        source[0] += MODULE.format(title=name.removeprefix(f"{package}."), name=name)


def setup(app: Any) -> dict[str, bool]:
    app.add_config_value("code_folders_package", "", "env")
    app.connect("source-read", add_modules)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
