"""Group `profile` of results.nxs: the model on its own fine grid (docs/formats.md)."""

from __future__ import annotations

from pathlib import Path

from ..nouns.profile import PROFILE_UNITS, ModelProfile
from .hdf5 import extended
from .nxdata import nx_group, write_arrays

GROUP, SIGNAL = "profile", "volume_fraction"


def add_profile(path: str | Path, profile: ModelProfile) -> None:
    """Add the profile to a file of `write_results`; signal is phi(time, height)."""
    size = sum(getattr(profile, name).nbytes for name in PROFILE_UNITS)
    with extended(Path(path), size) as file:
        group = nx_group(file["entry"], GROUP, "NXdata", signal=SIGNAL, axes=["time", "height"])
        for name, unit in PROFILE_UNITS.items():
            dims = ModelProfile.dims_of(name)
            content = "coordinate" if dims == (name,) else "signal" if name == SIGNAL else "profile"
            write_arrays(group, {name: getattr(profile, name)}, unit, dims=dims, content=content)
        group.attrs.update({"time_indices": 0, "height_indices": 1, "auxiliary_signals": ["diameter", "deviation"]})
