"""Field-driven assembly of nanocrystal superlattices, seen by scanning, time-resolved small-angle X-ray scattering.

The functions behind the commands are public here; they are imported when first used, so that `import electrosaxs` is
cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "analyse_curves": "electrosaxs.recipes.curves.analyse_curves",
    "analyse_run": "electrosaxs.recipes.analyse.analyse_run",
    "calibrate_image": "electrosaxs.recipes.calibrate",
    "demo": "electrosaxs.recipes.demo",
    "simulate_run": "electrosaxs.recipes.simulate_run",
}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'electrosaxs' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
