"""Parameters with covariance that `electrosaxs fit` left, for what is predicted or planned with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from ..nouns import FloatArray
from .hdf5 import open_hdf5
from .numbers_json import read_numbers


@dataclass(frozen=True, eq=False)
class FittedParameters:
    """values: every parameter of the fit that has one. names, covariance: those that were fitted. correlated: False where
    only their sigmas were found, so that the covariance is diagonal. charge_model: the one that was fitted, None where
    results.nxs does not say."""

    values: dict[str, float]
    names: tuple[str, ...]
    covariance: FloatArray
    correlated: bool
    charge_model: str | None = None


def read_fitted(path: str | Path, known: tuple[str, ...]) -> FittedParameters:
    """The parameters named in `known` from numbers.json of a fit, or from the folder it lies in.

    Their covariance is that of results.nxs beside it. Raises InputFileError where there is no numbers.json.
    """
    path = Path(path)
    file = path / "numbers.json" if path.is_dir() else path
    numbers = {name: number for name, number in read_numbers(file).items() if name in known}
    values = {name: number.value for name, number in numbers.items() if number.value is not None}
    sigma = {name: numbers[name].sigma or 0.0 for name in values}
    names = tuple(name for name in values if sigma[name] > 0.0)
    beside = file.with_name("results.nxs")
    stored = _covariance(beside, names)
    diagonal = np.diag([sigma[name] ** 2 for name in names])
    return FittedParameters(values, names, diagonal if stored is None else stored, stored is not None, _model(beside))


def _covariance(path: Path, names: tuple[str, ...]) -> FloatArray | None:
    """Covariance of `names`, None where the file has none of them all."""
    if not path.is_file() or not names:
        return None
    with open_hdf5(path) as file:
        group = file.get("entry/parameters")
        if not isinstance(group, h5py.Group) or "covariance" not in group:
            return None
        labels = list(group["names"].asstr()[()])
        if any(name not in labels for name in names):
            return None
        rows = [labels.index(name) for name in names]
        return np.asarray(group["covariance"][()][np.ix_(rows, rows)])


def _model(path: Path) -> str | None:
    """Charge model of the best fit: what stands before the comma of the first model."""
    if not path.is_file():
        return None
    with open_hdf5(path) as file:
        models = file.get("entry/parameters/models")
        return None if models is None or len(models) == 0 else str(models.asstr()[0]).partition(",")[0]
