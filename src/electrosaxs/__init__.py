"""Field-driven assembly of nanocrystal superlattices, seen by scanning, time-resolved small-angle X-ray scattering.

The functions behind the commands are public here; they are imported when first used, so that `import electrosaxs` is
cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .nouns import RunResults as Results
    from .recipes.analyse.analyse_run import analyse_run
    from .recipes.calibrate import calibrate_image
    from .recipes.campaign.campaign import campaign
    from .recipes.curves.analyse_curves import analyse_curves
    from .recipes.demo import demo
    from .recipes.fit.fit_cell import fit_cell
    from .recipes.paper.paper import paper
    from .recipes.plan.plan import plan
    from .recipes.predict import predict
    from .recipes.results_folder import read_results
    from .recipes.simulate_run import simulate_run

__version__ = "0.1.0"

_HOME = {
    "analyse_curves": ("electrosaxs.recipes.curves.analyse_curves", "analyse_curves"),
    "analyse_run": ("electrosaxs.recipes.analyse.analyse_run", "analyse_run"),
    "campaign": ("electrosaxs.recipes.campaign.campaign", "campaign"),
    "calibrate_image": ("electrosaxs.recipes.calibrate", "calibrate_image"),
    "demo": ("electrosaxs.recipes.demo", "demo"),
    "fit_cell": ("electrosaxs.recipes.fit.fit_cell", "fit_cell"),
    "paper": ("electrosaxs.recipes.paper.paper", "paper"),
    "plan": ("electrosaxs.recipes.plan.plan", "plan"),
    "predict": ("electrosaxs.recipes.predict", "predict"),
    "read_results": ("electrosaxs.recipes.results_folder", "read_results"),
    "Results": ("electrosaxs.nouns", "RunResults"),
    "simulate_run": ("electrosaxs.recipes.simulate_run", "simulate_run"),
}
"""Public name -> where it lives, and what it is called there."""

__all__ = [
    "Results",
    "__version__",
    "analyse_curves",
    "analyse_run",
    "calibrate_image",
    "campaign",
    "demo",
    "fit_cell",
    "paper",
    "plan",
    "predict",
    "read_results",
    "simulate_run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'electrosaxs' has no attribute {name!r}")
    home, own = _HOME[name]
    return getattr(import_module(home), own)


def __dir__() -> list[str]:
    return list(__all__)
