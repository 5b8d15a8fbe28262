"""Field-driven assembly of nanocrystal superlattices, seen by scanning, time-resolved small-angle X-ray scattering.

The functions behind the commands are public here; they are imported when first used, so that `import electrosaxs` is
cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import ElectrosaxsError
    from .nouns import Experiment
    from .nouns import RunResults as Results
    from .recipes.analyse.analyse_run import analyse_run
    from .recipes.calibrate import calibrate_image
    from .recipes.campaign.campaign import campaign
    from .recipes.check import check
    from .recipes.curves.analyse_curves import analyse_curves
    from .recipes.curves.one_curve import analyse_curve
    from .recipes.demo import demo
    from .recipes.examples import write_examples
    from .recipes.experiment.acquire import acquire
    from .recipes.film.gisaxs import analyse_film
    from .recipes.film.inputs import FilmOptions
    from .recipes.fit.fit_cell import fit_cell
    from .recipes.inspect.inspect_files import inspect_files
    from .recipes.islands.count_islands import count_islands
    from .recipes.list_materials import list_materials
    from .recipes.paper.paper import paper
    from .recipes.plan.plan import plan
    from .recipes.predict import predict
    from .recipes.results_folder import read_results
    from .recipes.settings import read_experiment
    from .recipes.simulate_film import simulate_film
    from .recipes.simulate_run import simulate_run

__version__ = "0.1.0"

_HOME = {
    "acquire": ("electrosaxs.recipes.experiment.acquire", "acquire"),
    "analyse_curve": ("electrosaxs.recipes.curves.one_curve", "analyse_curve"),
    "analyse_curves": ("electrosaxs.recipes.curves.analyse_curves", "analyse_curves"),
    "analyse_film": ("electrosaxs.recipes.film.gisaxs", "analyse_film"),
    "analyse_run": ("electrosaxs.recipes.analyse.analyse_run", "analyse_run"),
    "calibrate_image": ("electrosaxs.recipes.calibrate", "calibrate_image"),
    "campaign": ("electrosaxs.recipes.campaign.campaign", "campaign"),
    "check": ("electrosaxs.recipes.check", "check"),
    "count_islands": ("electrosaxs.recipes.islands.count_islands", "count_islands"),
    "demo": ("electrosaxs.recipes.demo", "demo"),
    "ElectrosaxsError": ("electrosaxs.errors", "ElectrosaxsError"),
    "Experiment": ("electrosaxs.nouns", "Experiment"),
    "FilmOptions": ("electrosaxs.recipes.film.inputs", "FilmOptions"),
    "fit_cell": ("electrosaxs.recipes.fit.fit_cell", "fit_cell"),
    "inspect_files": ("electrosaxs.recipes.inspect.inspect_files", "inspect_files"),
    "list_materials": ("electrosaxs.recipes.list_materials", "list_materials"),
    "paper": ("electrosaxs.recipes.paper.paper", "paper"),
    "plan": ("electrosaxs.recipes.plan.plan", "plan"),
    "predict": ("electrosaxs.recipes.predict", "predict"),
    "read_results": ("electrosaxs.recipes.results_folder", "read_results"),
    "Results": ("electrosaxs.nouns", "RunResults"),
    "read_experiment": ("electrosaxs.recipes.settings", "read_experiment"),
    "simulate_film": ("electrosaxs.recipes.simulate_film", "simulate_film"),
    "simulate_run": ("electrosaxs.recipes.simulate_run", "simulate_run"),
    "write_examples": ("electrosaxs.recipes.examples", "write_examples"),
}
"""Public name -> where it lives, and what it is called there."""

__all__ = [
    "ElectrosaxsError",
    "Experiment",
    "FilmOptions",
    "Results",
    "__version__",
    "acquire",
    "analyse_curve",
    "analyse_curves",
    "analyse_film",
    "analyse_run",
    "calibrate_image",
    "campaign",
    "check",
    "count_islands",
    "demo",
    "fit_cell",
    "inspect_files",
    "list_materials",
    "paper",
    "plan",
    "predict",
    "read_experiment",
    "read_results",
    "simulate_film",
    "simulate_run",
    "write_examples",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'electrosaxs' has no attribute {name!r}")
    home, own = _HOME[name]
    return getattr(import_module(home), own)


def __dir__() -> list[str]:
    return list(__all__)
