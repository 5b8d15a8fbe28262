"""Results against the truth of a simulated run: biases and pulls of maps and headline numbers.

A pull is (value - truth) / sigma with counting and shared contributions together: over many runs its standard
deviation is 1 where the sigma is honest. Within one run the shared part is common to all points, so the spread of a
map's pulls may lie below 1 there and its mean away from 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..nouns import FloatArray, Noun, Number, RunResults
from ..nouns.run import SLICE_UM

MAPS = (
    "volume_fraction",
    "diameter",
    "deviation",
    "polydispersity",
    "flux",
    "crystalline_fraction",
    "lattice_constant",
)
RELATIVE = {"volume_fraction", "lattice_constant", "flux"}


@dataclass(frozen=True)
class MapAgreement:
    """One map against its truth: how many points, median bias (relative where `relative`), mean and spread of the pulls."""

    name: str
    points: int
    bias: float
    relative: bool
    unit: str
    pull_mean: float
    pull_deviation: float


@dataclass(frozen=True)
class NumberAgreement:
    """One headline number against its truth; pull is None where either does not exist."""

    name: str
    value: float | None
    sigma: float | None
    truth: float | None
    unit: str
    pull: float | None


@dataclass(frozen=True)
class Comparison:
    """How maps and headline numbers of a run agree with its truth."""

    maps: tuple[MapAgreement, ...]
    numbers: tuple[NumberAgreement, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain nested dicts for a JSON file."""
        return {"maps": [asdict(m) for m in self.maps], "numbers": [asdict(n) for n in self.numbers]}

    def table(self) -> str:
        """Two aligned tables for the terminal."""
        return "\n".join([*self._map_rows(), "", *self._number_rows()])

    def _map_rows(self) -> Iterator[str]:
        yield f"{'map against truth':<24}{'points':>8}{'median bias':>16}{'pull mean':>12}{'pull sd':>10}"
        for m in self.maps:
            bias = f"{100 * m.bias:+.3f} %" if m.relative else f"{m.bias:+.4f} {m.unit if m.unit != 'one' else ''}"
            yield f"{m.name:<24}{m.points:>8}{bias.strip():>16}{m.pull_mean:>12.2f}{m.pull_deviation:>10.2f}"

    def _number_rows(self) -> Iterator[str]:
        yield f"{'number':<28}{'value':>14}{'sigma':>12}{'truth':>14}{'pull':>8}  unit"
        for n in self.numbers:
            value, sigma, truth = (_short(x) for x in (n.value, n.sigma, n.truth))
            pull = "" if n.pull is None else f"{n.pull:+.2f}"
            unit = "" if n.unit == "one" else n.unit
            yield f"{n.name:<28}{value:>14}{sigma:>12}{truth:>14}{pull:>8}  {unit}".rstrip()


def compare(results: RunResults, truth: RunResults) -> Comparison:
    """Every map and number that both have; no flux into a slice that is of another thickness than the truth's."""
    maps = (_map_agreement(name, getattr(results, name), getattr(truth, name)) for name in MAPS)
    other_slice = results.settings.get("analysis", {}).get("slice_um", SLICE_UM) != SLICE_UM
    left_out = ("slice_flux", "slice_flux_mean") if other_slice else ()
    names = [name for name in results.numbers if name in truth.numbers and name not in left_out]
    numbers = (_number_agreement(name, results.numbers[name], truth.numbers[name]) for name in names)
    return Comparison(tuple(m for m in maps if m is not None), tuple(numbers))


def pulls(measured: Noun, true: Noun) -> FloatArray:
    """(measured - true) / total sigma, NaN where either is not known."""
    good = measured.good & true.good
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(good, (measured.values - true.values) / measured.total_sigma, np.nan)


def _map_agreement(name: str, measured: Noun | None, true: Noun | None) -> MapAgreement | None:
    if measured is None or true is None or measured.values.shape != true.values.shape:
        return None
    pull = pulls(measured, true)
    known = np.isfinite(pull)
    if not known.any():
        return None
    difference = (measured.values - true.values)[known]
    relative = name in RELATIVE
    with np.errstate(divide="ignore", invalid="ignore"):  # of a cell that is empty there
        bias = difference / true.values[known] if relative else difference
    return MapAgreement(
        name,
        int(known.sum()),
        float(np.median(bias[np.isfinite(bias)])),
        relative,
        measured.UNIT,
        float(np.mean(pull[known])),
        float(np.std(pull[known])),
    )


def _number_agreement(name: str, measured: Number, true: Number) -> NumberAgreement:
    pull = None
    if measured.value is not None and true.value is not None and measured.sigma:
        pull = (measured.value - true.value) / measured.sigma
    return NumberAgreement(name, measured.value, measured.sigma, true.value, measured.unit, pull)


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
