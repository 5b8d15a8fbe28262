"""What can be asked of a plan, and the calibration that turns a nucleation density into a flux."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ..errors import InputFileError, bad_value
from ..nouns import FloatArray

Kind = Literal["slice-flux", "supply-flux", "onset-time", "enrichment", "nucleation-density"]
KINDS: tuple[Kind, ...] = get_args(Kind)
UNITS: dict[Kind, str] = {
    "slice-flux": "m/s",
    "supply-flux": "m/s",
    "onset-time": "s",
    "enrichment": "one",
    "nucleation-density": "1/mm^2",
}
FluxKind = Literal["slice-flux", "supply-flux"]


@dataclass(frozen=True)
class Target:
    """kind and value, in the unit of UNITS. slice-flux: accumulation rate of the slice at the anode, held constant;
    supply-flux: phi0 v; enrichment: phi of the slice (crystals counted) over the starting phi at the end."""

    kind: Kind
    value: float


@dataclass(frozen=True)
class Calibration:
    """Nucleation density (1/mm2) against the flux (m/s) that `flux` names; both ascending or both descending."""

    flux: FluxKind
    flux_m_per_s: FloatArray
    density_per_mm2: FloatArray

    def flux_for(self, density: float, *, where: str = "plan", field: str = "--target nucleation-density") -> float:
        """The flux that gives `density`: a power law between neighbouring points, never beyond the table.

        Raises InputFileError outside the measured densities, naming where the density was asked for.
        """
        order = np.argsort(self.density_per_mm2)
        known = self.density_per_mm2[order]
        if not known[0] <= density <= known[-1]:
            raise bad_value(
                InputFileError,
                where=where,
                field=field,
                value=density,
                rule=f"the calibration knows {known[0]:g} to {known[-1]:g} per mm2",
                remedy="ask for a density in that range, or extend the calibration",
            )
        return float(np.exp(np.interp(np.log(density), np.log(known), np.log(self.flux_m_per_s[order]))))


def parse_target(text: str) -> Target:
    """`slice-flux=3e-10` to a Target; InputFileError for another form, an unknown kind or a value that is not positive."""
    name, equals, number = text.partition("=")
    kind = next((kind for kind in KINDS if kind == name.strip()), None)
    try:
        value = float(number)
    except ValueError:
        value = np.nan
    if kind is None or not equals or not (np.isfinite(value) and value > 0.0):
        raise bad_value(
            InputFileError,
            where="plan",
            field="--target",
            value=text,
            rule=f"must be NAME=VALUE with a name among {', '.join(KINDS)} and a value above 0",
            remedy="for example --target slice-flux=3.4e-10 (m/s), onset-time=1500 (s), nucleation-density=40 (1/mm2)",
        )
    return Target(kind, value)
