"""results.nxs: everything one run gave, one NXdata group per result under /entry, and back (docs/formats.md)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .. import __version__
from ..errors import ElectrosaxsError
from ..nouns import (
    CrystallineFraction,
    CurveSet,
    Diameter,
    DiameterDeviation,
    FloatArray,
    Flux,
    GrowthCurve,
    LatticeConstant,
    MassBalance,
    Noun,
    Polydispersity,
    RunResults,
    SampleIntensity,
    SizeDistribution,
    SliceFlux,
    SliceMeanFlux,
    StartingSizeErrors,
    StructureFactor,
    VolumeFraction,
    VoxelCorrelations,
)
from .atomic import replacing
from .hdf5 import extended, new_file, open_hdf5, text
from .nxdata import described, mark_axes, nx_group, read_noun, write_arrays, write_noun
from .refusal import refusal
from .stored_bytes import held_bytes
from .summary import read_summary, write_summary

NOUNS: dict[str, type[Noun]] = {
    kind.NAME: kind
    for kind in (
        VolumeFraction, SliceFlux, SliceMeanFlux, Flux, MassBalance, GrowthCurve, Diameter, DiameterDeviation, Polydispersity,
        StructureFactor, LatticeConstant, CrystallineFraction, SizeDistribution,
    )
}  # fmt: skip
COVARIANCE = "covariance"
SPARE = 2
"""Times what results hold in memory that is reserved on the disk: masks, tables and texts take another form in a file."""
CURVE_UNITS = {"height": "um", "time": "s", "diameter": "nm", "deviation": "nm"}
CURVE_INVARIANT_UNITS = {"counted": "one", "window": "1/nm^3", "invariant": "1/nm^3", "with_peaks": "one"}
"""Beside the curves where they were kept; `counted` has the unit of the intensity, the others that times it."""


def write_results(
    path: str | Path,
    results: RunResults,
    *,
    command: str,
    more: Mapping[str, Noun] | None = None,
    intensity: str | Path | None = None,
) -> None:
    """Write `results` to a NeXus file that opens on the volume-fraction map; it appears whole or not at all.

    Each noun that is not None is a group of its own name, and so are those of `more`. `command`: the one that writes, kept
    with the version as attributes of the entry. `intensity` is a file of `IntensityWriter`; its group is copied in, without
    passing through memory. Settings are kept as JSON: tuples come back as lists, paths as text.
    """
    with replacing(Path(path)) as part:
        _write(part, results, command, more or {})
        if intensity is not None:
            with open_hdf5(Path(intensity)) as source, extended(part, Path(intensity).stat().st_size) as file:
                source.copy(source["entry/intensity"], file["entry"], "intensity")


def _write(part: Path, results: RunResults, command: str, more: Mapping[str, Noun]) -> None:
    """All but the intensity."""
    with new_file(part, SPARE * (held_bytes(results) + held_bytes(more))) as file:
        file.attrs.update({"NX_class": "NXroot", "default": "entry", "creator": f"electrosaxs {__version__}"})
        entry = nx_group(file, "entry", "NXentry", default="volume_fraction")
        entry.attrs.update({"command": command, "version": __version__})
        entry["title"] = results.title
        described(entry["title"], dims=(), content="document")
        nouns = {name: getattr(results, name) for name in NOUNS}
        for name, noun in {**nouns, **more}.items():
            if noun is not None:
                write_noun(entry, name, noun)
        if results.structure_factor_model is not None and results.structure_factor is not None:
            model = {"structure_factor_model": results.structure_factor_model}
            write_arrays(entry["structure_factor"], model, dims=results.structure_factor.dims)
            entry["structure_factor"].attrs["auxiliary_signals"] = ["structure_factor_model"]
        _write_quality(entry, results)
        if results.curves is not None:
            _write_curves(entry, results.curves)
        write_summary(entry, results)


def read_results(path: str | Path) -> RunResults:
    """The results that `write_results` wrote; raises InputFileError for another or a damaged file."""
    path = Path(path)
    with open_hdf5(path) as file:
        entry = file.get("entry")
        if not isinstance(entry, h5py.Group) or "volume_fraction" not in entry or "summary" not in entry:
            rule = "holds no results of electrosaxs (/entry/volume_fraction and /entry/summary)"
            raise refusal(path, "file", path.name, rule, "give the results.nxs that `electrosaxs analyse` writes")
        try:
            nouns: dict[str, Any] = {
                name: read_noun(entry[name], kind) for name, kind in NOUNS.items() if name in entry
            }
            model = entry.get("structure_factor/structure_factor_model")
            return RunResults(
                title=text(entry["title"][()]),
                **nouns,
                structure_factor_model=None if model is None else model[()],
                **_read_quality(entry),
                curves=_read_curves(entry),
                **read_summary(entry),
            )
        except (KeyError, ValueError, TypeError, OSError) as error:
            reason = str(error) if isinstance(error, ElectrosaxsError) else f"a part is missing or damaged ({error})"
            raise refusal(path, "file", path.name, reason, "write the results again") from error


def _write_quality(entry: h5py.Group, results: RunResults) -> None:
    """Group `quality`: the first map of the shape of the volume fraction is the signal, the others beside it; and how
    errors hang together, within a voxel (`correlation_*`) and of the starting sizes (`starting_sizes_*`)."""
    start = results.starting_errors
    kinds: dict[str, Mapping[str, FloatArray]] = {
        "quality": results.quality,
        "correlation": {} if results.correlations is None else vars(results.correlations),
        "starting_sizes": {} if start is None else {COVARIANCE: start.covariance, **start.shared},
    }
    if not any(kinds.values()):
        return
    group = nx_group(entry, "quality", "NXdata")
    reference = entry["volume_fraction"]
    shape = reference["volume_fraction"].shape
    maps = []
    for kind, arrays in kinds.items():
        for label, values in arrays.items():
            name = label if kind == "quality" else f"{kind}_{label}"
            is_map = np.shape(values) == shape
            dims = results.volume_fraction.dims if is_map else ("size",) * np.ndim(values)
            write_arrays(group, {name: values}, dims=dims, content="quality")
            maps += [name] if is_map else []
    if not maps:
        return
    group.attrs["signal"] = maps[0]
    if maps[1:]:
        group.attrs["auxiliary_signals"] = maps[1:]
    for name, stored in reference.items():
        if stored.attrs["content"] in ("coordinate", "index") and name not in group:
            group[name] = stored  # a hard link: the coordinates are stored once
    mark_axes(group, results.volume_fraction.dims, shape)


def _read_quality(entry: h5py.Group) -> dict[str, Any]:
    """The fields of RunResults in group `quality`, told by the names of its data sets (docs/formats.md)."""
    found: dict[str, dict[str, FloatArray]] = {"quality": {}, "correlation": {}, "starting_sizes": {}}
    for name, data in entry.get("quality", {}).items():
        kind = next((k for k in ("correlation", "starting_sizes") if name.startswith(f"{k}_")), "quality")
        if data.attrs.get("content") in found:
            found[kind][name.removeprefix(f"{kind}_")] = data[()]
    starting = found["starting_sizes"]
    return {
        "quality": found["quality"],
        "correlations": VoxelCorrelations(**found["correlation"]) if found["correlation"] else None,
        "starting_errors": StartingSizeErrors(starting.pop(COVARIANCE), starting) if starting else None,
    }


def _write_curves(entry: h5py.Group, curves: CurveSet) -> None:
    group = write_noun(entry, "curves", curves.intensity)
    write_arrays(group, {"curves_model": curves.model}, dims=curves.intensity.dims)
    for name, unit in CURVE_UNITS.items():
        write_arrays(group, {f"curves_{name}": getattr(curves, name)}, unit, dims=curves.intensity.dims[:1])
    for name, unit in CURVE_INVARIANT_UNITS.items():
        if getattr(curves, name) is not None:
            array = np.asarray(getattr(curves, name))
            write_arrays(group, {f"curves_{name}": array}, unit, dims=curves.intensity.dims[: array.ndim])
    group.attrs["auxiliary_signals"] = ["curves_model"]


def _read_curves(entry: h5py.Group) -> CurveSet | None:
    if "curves" not in entry:
        return None
    group = entry["curves"]
    described = {name: group[f"curves_{name}"][()] for name in ("model", *CURVE_UNITS)}
    described |= {name: group[f"curves_{name}"][()] for name in CURVE_INVARIANT_UNITS if f"curves_{name}" in group}
    return CurveSet(intensity=read_noun(group, SampleIntensity), **described)
