"""The TOML file of a film to simulate, told from an experiment by its table [film]; read, and written back."""

from __future__ import annotations

from pathlib import Path

from ..nouns.film_experiment import FilmExperiment
from .run_toml import write_settings
from .toml_kinds import FILM
from .toml_settings import has_table, read_settings


def describes_film(path: str | Path) -> bool:
    """True where the file has a table [film]; InputFileError where it cannot be read."""
    return has_table(Path(path), "film")


def read_film_experiment(path: str | Path) -> FilmExperiment:
    """The film that `path` describes; InputFileError with one line for what is wrong."""
    return read_settings(Path(path), FilmExperiment, kind=FILM)


def write_film_experiment(path: str | Path, experiment: FilmExperiment) -> None:
    """Write `experiment` so that `read_film_experiment` gives it back."""
    write_settings(Path(path), experiment)
