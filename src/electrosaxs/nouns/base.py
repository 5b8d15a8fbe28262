"""What every noun is: a scipp DataArray whose unit, dimensions and coordinates are checked when it is built.

Variances hold what is independent from point to point (counting). A sigma that is shared between points
(background, reference, extrapolation) is a named contribution beside them, never part of the variances: how much the
values move when one unknown number of the run is one sigma larger. Where the sign is known it is kept (the modes of the
solvent's noise, `background_1`, ...), and a contribution of that name is the same number in every noun of the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
import numpy.typing as npt
import scipp as sc

from ..errors import ShapeError, UnitError

if TYPE_CHECKING:
    import pandas
    import xarray

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Noun:
    """A measured or predicted quantity over named dimensions.

    `NAME` is its group in results.nxs, `UNIT` its unit, `DIMS` the sets of dimensions it may have, `COORDS` the units of
    the coordinates it must carry. `shared` maps the name of a contribution to its sigma, signed or not (same dims and
    unit as the data).
    """

    data: sc.DataArray
    shared: Mapping[str, sc.Variable] = field(default_factory=dict)

    NAME: ClassVar[str] = "value"
    UNIT: ClassVar[str] = "one"
    DIMS: ClassVar[tuple[tuple[str, ...], ...]] = ()
    COORDS: ClassVar[Mapping[str, str]] = {}

    def __post_init__(self) -> None:
        name = type(self).__name__
        if self.data.unit != sc.Unit(self.UNIT):
            raise UnitError(f"{name} has unit {self.data.unit}: it must be {self.UNIT}; convert it first")
        if self.DIMS and tuple(self.data.dims) not in self.DIMS:
            allowed = " or ".join(str(d) for d in self.DIMS)
            raise ShapeError(f"{name} has dimensions {tuple(self.data.dims)}: they must be {allowed}")
        for coord, unit in self.COORDS.items():
            if coord not in self.data.coords:
                raise ShapeError(f"{name} has no coordinate {coord!r}: it must carry one in {unit}")
            if self.data.coords[coord].unit != sc.Unit(unit):
                got = self.data.coords[coord].unit
                raise UnitError(f"{name} has coordinate {coord!r} in {got}: it must be in {unit}")
        for label, sigma in self.shared.items():
            if sigma.dims != self.data.dims or sigma.unit != self.data.unit:
                raise ShapeError(f"{name}: contribution {label!r} must have the dims and unit of the data")

    @classmethod
    def from_arrays(
        cls,
        values: npt.ArrayLike,
        *,
        dims: tuple[str, ...],
        coords: Mapping[str, tuple[tuple[str, ...], npt.ArrayLike]],
        sigma: npt.ArrayLike | None = None,
        shared: Mapping[str, npt.ArrayLike] | None = None,
        masks: Mapping[str, tuple[tuple[str, ...], npt.ArrayLike]] | None = None,
    ) -> Self:
        """Build from bare arrays already in canonical units; `coords`: name -> (dims, values); `sigma`: one standard
        deviation."""
        array = np.asarray(values, dtype=np.float64)
        variances = None if sigma is None else np.square(np.asarray(sigma, dtype=np.float64))
        units = {"height": "um", "height_effective": "um", "time": "s", "q": "1/nm", **cls.COORDS}
        data = sc.DataArray(
            sc.array(dims=list(dims), values=array, variances=variances, unit=cls.UNIT),
            coords={
                key: sc.array(dims=list(d), values=np.asarray(v), unit=units.get(key)) for key, (d, v) in coords.items()
            },
            masks={
                key: sc.array(dims=list(d), values=np.asarray(v, dtype=bool)) for key, (d, v) in (masks or {}).items()
            },
        )
        contributions = {
            key: sc.array(dims=list(dims), values=np.asarray(v, dtype=np.float64), unit=cls.UNIT)
            for key, v in (shared or {}).items()
        }
        return cls(data, contributions)

    @property
    def values(self) -> FloatArray:
        """Values in the unit of the noun, float64, in the order of `dims`."""
        return np.asarray(self.data.values, dtype=np.float64)

    @property
    def sigma(self) -> FloatArray:
        """Counting standard deviation; NaN where the noun carries no variances."""
        if self.data.variances is None:
            return np.full(self.data.shape, np.nan)
        return np.sqrt(np.asarray(self.data.variances, dtype=np.float64))

    @property
    def total_sigma(self) -> FloatArray:
        """Counting and every shared contribution added in quadrature."""
        total = np.square(self.sigma)
        for contribution in self.shared.values():
            total = total + np.square(np.asarray(contribution.values, dtype=np.float64))
        return np.sqrt(total)

    @property
    def dims(self) -> tuple[str, ...]:
        return tuple(self.data.dims)

    def coord(self, name: str) -> FloatArray:
        """A coordinate's values in its canonical unit."""
        return np.asarray(self.data.coords[name].values)

    @property
    def masked(self) -> npt.NDArray[np.bool_]:
        """True where any mask is set."""
        masked = np.zeros(self.data.shape, dtype=bool)
        for mask in self.data.masks.values():
            masked |= sc.broadcast(mask, sizes=self.data.sizes).transpose(self.dims).values
        return masked

    @property
    def good(self) -> npt.NDArray[np.bool_]:
        """True where no mask is set and the value is finite."""
        return np.isfinite(self.values) & ~self.masked

    def to_xarray(self) -> xarray.DataArray:
        """The same as an xarray.DataArray, named as in results.nxs; what is masked is NaN.

        Coordinates beside those of the noun: `mask` (True where masked), `sigma` (all of it, as `total_sigma`), and its
        parts `sigma_counting` and `sigma_<contribution>`. Units are in attrs (`units`).
        """
        import xarray

        masked = self.masked
        coords = {k: (c.dims, c.values, _units(c.unit)) for k, c in self.data.coords.items()}
        coords["mask"] = (self.dims, masked, {})
        parts = {"sigma": self.total_sigma, "sigma_counting": self.sigma}
        parts |= {f"sigma_{label}": np.asarray(part.values) for label, part in self.shared.items()}
        coords |= {k: (self.dims, np.where(masked, np.nan, v), _units(self.UNIT)) for k, v in parts.items()}
        values = np.where(masked, np.nan, self.values)
        return xarray.DataArray(values, dims=self.dims, coords=coords, name=self.NAME, attrs=_units(self.UNIT))

    def to_pandas(self) -> pandas.DataFrame:
        """One row per point: dimensions and coordinates, the value under the noun's name, `sigma`, its parts, `mask`.

        Columns are named as in `to_xarray`; `attrs` maps each to its unit.
        """
        import pandas

        array = self.to_xarray()
        units = {str(name): c.attrs["units"] for name, c in array.coords.items() if "units" in c.attrs}
        if array.ndim:
            table = array.to_dataframe().reset_index()
        else:
            table = pandas.DataFrame(
                {name: [c.item()] for name, c in array.coords.items()} | {self.NAME: [array.item()]}
            )
        last = [self.NAME, *(str(c) for c in table if str(c).startswith("sigma")), "mask"]
        table = table[[*(c for c in table if c not in last), *last]]
        table.attrs = {**units, self.NAME: array.attrs["units"]}
        return table

    def to_csv(self, path: str | Path) -> None:
        """The rows of `to_pandas` as a CSV file, units in the names of the columns (`height_um`); no value: empty."""
        table = self.to_pandas()
        named = {str(column): f"{column}{_suffix(table.attrs.get(str(column), '1'))}" for column in table}
        table.rename(columns=named).to_csv(path, index=False)


def _units(unit: sc.Unit | str | None) -> dict[str, str]:
    """Attributes `units`, as results.nxs writes it ("um", "1/nm", "1"), and `unit`, as the nouns do ("one"); none where
    there is none."""
    if unit is None:
        return {}
    text = str(sc.Unit(str(unit))).replace("µ", "u")
    pure = text == "dimensionless"
    return {"unit": "one" if pure else text, "units": "1" if pure else text}


def _suffix(unit: str) -> str:
    """How a unit ends the name of a column: "_um", "_m_per_s", "_per_nm"; nothing for pure numbers."""
    above, _, below = unit.replace("^", "").partition("/")
    return "".join([f"_{above}" if above != "1" else "", f"_per_{below}" if below else ""])


LOWER_BOUND = "a lower bound"
"""What a doubt begins with that is only that there may be more: the number is true of what was seen."""


@dataclass(frozen=True)
class Number:
    """One headline number: value and one standard deviation in `unit`, and in words where it comes from.

    `value` is None where the number does not exist for this run; `source` then says why. quality: "good", or "doubtful: why",
    or "not trustworthy: why". sigma is all of it; contributions: signed, what one sigma of a number of the run that is known
    only so well does to it (`nouns.contributions`), each a part of sigma.
    """

    value: float | None
    sigma: float | None
    unit: str
    source: str
    quality: str = "good"
    contributions: Mapping[str, float] = field(default_factory=dict, hash=False)

    @classmethod
    def absent(cls, unit: str, why: str) -> Number:
        return cls(None, None, unit, why)

    def __post_init__(self) -> None:
        if self.value is not None and not np.isfinite(self.value):
            raise ShapeError(f"number from {self.source!r} is {self.value}: use Number.absent with a reason")
        if not self.source:
            raise ShapeError("a Number must say its source")

    @property
    def sigma_counting(self) -> float | None:
        """What is left of sigma without the contributions: counting, and what the analysis adds to it."""
        if self.sigma is None:
            return None
        return float(np.sqrt(max(self.sigma**2 - sum(part**2 for part in self.contributions.values()), 0.0)))

    def with_contribution(self, name: str, change: float) -> Number:
        """The number with one more part of its sigma, added to what is there of that name; without a sigma it is as it was."""
        if self.value is None or self.sigma is None or not np.isfinite(change):
            return self
        before = self.contributions.get(name, 0.0)
        sigma = float(np.sqrt(max(self.sigma**2 - before**2, 0.0) + (before + change) ** 2))
        return replace(self, sigma=sigma, contributions={**self.contributions, name: before + float(change)})
