"""Parameters with covariance that `electrosaxs fit` left, for what is predicted or planned with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from ..nouns import FloatArray
from .hdf5 import extended, open_hdf5
from .numbers_json import read_numbers
from .nxdata import nx_group, write_arrays
from .refusal import refusal

ALWAYS_GIVEN = ("effective_charge", "charge_exponent", "diffusivity_scale")
"""What every fit has a value for; crystals it may have seen none of."""
SAME = 1e-6
"""Relative; both files are written from the same numbers."""


@dataclass(frozen=True, eq=False)
class FittedParameters:
    """values: every parameter of the fit that has one. names, covariance: those that were fitted. correlated: False where
    only their sigmas were found, so that the covariance is diagonal. charge_model: the one that was fitted, None where
    results.nxs does not say. lacking: parameters that the fit names without a value."""

    values: dict[str, float]
    names: tuple[str, ...]
    covariance: FloatArray
    correlated: bool
    charge_model: str | None = None
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class FitRecord:
    """What group `parameters` of a fit's results.nxs holds.

    names: free parameters; values, sigma (parameter,), covariance, correlation (parameter, parameter) of them. models: those
    compared, the best first; models_bic, models_chi_squared (model,). statements: what the fit says in words.
    """

    names: tuple[str, ...]
    values: FloatArray
    sigma: FloatArray
    covariance: FloatArray
    correlation: FloatArray
    models: tuple[str, ...]
    models_bic: FloatArray
    models_chi_squared: FloatArray
    statements: tuple[str, ...]


def add_parameters(path: Path, record: FitRecord) -> None:
    """Add `record` as group `parameters` to a file of `write_results`."""
    with extended(path, record.covariance.nbytes + record.correlation.nbytes) as file:
        group = nx_group(file["entry"], "parameters", "NXcollection")
        for name, value in vars(record).items():
            of = "model" if name.startswith("models") else "statement" if name == "statements" else "parameter"
            array = np.array(value, dtype=object) if isinstance(value, tuple) else value
            write_arrays(group, {name: array}, dims=(of,) * array.ndim, content="parameter")


def read_fitted(path: str | Path, known: tuple[str, ...]) -> FittedParameters:
    """The parameters named in `known` from numbers.json of a fit, or from the folder it lies in.

    Their covariance is that of results.nxs beside it. Raises InputFileError where there is no numbers.json, where it has
    no value for what every fit gives, and where the two files are not of the same fit.
    """
    path = Path(path)
    file = path / "numbers.json" if path.is_dir() else path
    numbers = {name: number for name, number in read_numbers(file).items() if name in known}
    values = {name: number.value for name, number in numbers.items() if number.value is not None}
    lacking = tuple(name for name in numbers if name not in values)
    for name in lacking:
        if name in ALWAYS_GIVEN:
            rule = "has no value, though every fit gives one"
            raise refusal(file, name, "null", rule, "give the numbers.json of a finished fit, as the fit wrote it")
    sigma = {name: numbers[name].sigma or 0.0 for name in values}
    names = tuple(name for name in values if sigma[name] > 0.0)
    beside = file.with_name("results.nxs")
    if beside.is_file():
        _check_same_fit(file, beside, values, {name: sigma[name] for name in names})
    stored = _covariance(beside, names)
    diagonal = np.diag([sigma[name] ** 2 for name in names])
    covariance = diagonal if stored is None else stored
    return FittedParameters(values, names, covariance, stored is not None, _model(beside), lacking)


def _check_same_fit(file: Path, beside: Path, values: dict[str, float], sigma: dict[str, float]) -> None:
    """InputFileError where a value or sigma of numbers.json is not that of the parameters in results.nxs."""
    with open_hdf5(beside) as opened:
        group = opened.get("entry/parameters")
        if not isinstance(group, h5py.Group) or "names" not in group:
            return
        labels = list(group["names"].asstr()[()])
        stored = {
            name: dict(zip(labels, group[name][()], strict=True)) for name in ("values", "sigma") if name in group
        }
    for what, given, of in (("", values, stored.get("values", {})), ("sigma of ", sigma, stored.get("sigma", {}))):
        for name, value in given.items():
            other = float(of.get(name, np.nan))
            if np.isfinite(other) and abs(value - other) > SAME * abs(other):
                rule = f"is not that of {beside} beside it, {other:.6g}"
                raise refusal(
                    file, f"{what}{name}", f"{value:.6g}", rule, "give both files of one fit, as the fit wrote them"
                )
    strange = [name for name in sigma if name not in labels]
    if strange:
        rule = f"was not fitted according to {beside} beside it"
        raise refusal(
            file, strange[0], f"{values[strange[0]]:.6g}", rule, "give both files of one fit, as the fit wrote them"
        )


def _covariance(path: Path, names: tuple[str, ...]) -> FloatArray | None:
    """Covariance of `names`, None where the file has none of them all."""
    if not path.is_file() or not names:
        return None
    with open_hdf5(path) as file:
        group = file.get("entry/parameters")
        if not isinstance(group, h5py.Group) or not {"covariance", "names"} <= set(group):
            return None
        labels = list(group["names"].asstr()[()])
        rows = [labels.index(name) for name in names]
        return np.asarray(group["covariance"][()][np.ix_(rows, rows)])


def _model(path: Path) -> str | None:
    """Charge model of the best fit: what stands before the comma of the first model."""
    if not path.is_file():
        return None
    with open_hdf5(path) as file:
        models = file.get("entry/parameters/models")
        return None if models is None or len(models) == 0 else str(models.asstr()[0]).partition(",")[0]
