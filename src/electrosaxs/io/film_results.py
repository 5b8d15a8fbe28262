"""results.nxs of a film: its maps as NXdata groups, the pattern shown first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py

from .. import __version__
from ..nouns import Noun
from ..nouns.film_maps import RadialIntensity
from .atomic import replacing
from .hdf5 import DAMAGED
from .nxdata import nx_group, read_noun, write_noun

FIRST = "pattern"


def write_film_results(
    path: str | Path, title: str, maps: Mapping[str, Noun], *, command: str, notes: Mapping[str, str]
) -> None:
    """Write `maps` under their names below /entry; notes: name of a map -> what must be known about it (attribute `note`)."""
    with replacing(Path(path)) as part, h5py.File(part, "w") as file:
        file.attrs.update({"NX_class": "NXroot", "default": "entry", "creator": f"electrosaxs {__version__}"})
        entry = nx_group(file, "entry", "NXentry", default=FIRST)
        entry.attrs.update({"command": command, "version": __version__})
        entry["title"] = title
        for name, noun in maps.items():
            group = write_noun(entry, name, noun)
            if name in notes:
                group.attrs["note"] = notes[name]


def read_radial_intensity(path: str | Path) -> RadialIntensity | None:
    """The curve over |q| in a results file of `write_film_results`, None where the file holds none."""
    try:
        with h5py.File(path, "r") as file:
            return read_noun(file["entry/radial_intensity"], RadialIntensity)
    except (*DAMAGED, KeyError, ValueError):
        return None
