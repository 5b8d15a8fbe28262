"""A folder of finished results, as Python reads it."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputFileError, bad_value
from ..io import results as file
from ..nouns import RunResults

RESULTS = "results.nxs"


def read_results(path: str | Path) -> RunResults:
    """The results in a folder that `analyse`, `predict`, `plan` or `fit` left, or in its results.nxs (or a truth.nxs).

    Maps and curves are attributes (`volume_fraction`, `flux`, ...), None where the run has none; raises InputFileError
    where there are no results.

    >>> from electrosaxs import read_results
    >>> phi = read_results("results").volume_fraction.to_xarray()
    """
    path = Path(path)
    if path.is_dir() and not (path / RESULTS).is_file():
        raise bad_value(
            InputFileError, where=path, field="folder", value=path.name, rule=f"holds no {RESULTS}",
            remedy="give the --out folder of electrosaxs analyse, predict, plan or fit",
        )  # fmt: skip
    return file.read_results(path / RESULTS if path.is_dir() else path)
