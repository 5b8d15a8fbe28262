"""What a solution is made of: inorganic core, ligand shell, solvent. Built-in ones stand in the room `materials`; a file
may bring its own in tables of the same keys (docs/formats.md)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, PlainValidator, model_validator

from ..errors import InputFileError, bad_value
from .settings import NotNegative, Settings, WrongSetting

REFERENCE_TEMPERATURE_K = 298.15
TEMPERATURES_K = (150.0, 500.0)
"""Between them a temperature can be meant in K; what is outside was given in another unit."""
VISCOSITIES_UPA_S = (50.0, 1e6)
"""From liquid nitrogen to a thick oil."""
NEAR_K = 1.0
"""How far from a known temperature a viscosity still holds: within 2 % for any solvent of the tables."""
OWN = "given in the file"


class Material(Settings):
    """Chemical formula and mass density (g/cm3). source: where all values come from, or a text per value; also: other names."""

    formula: Annotated[str, Field(min_length=1)]
    density_g_cm3: Annotated[float, Field(gt=0.5, lt=25.0)]
    source: str | dict[str, str] = OWN
    also: tuple[str, ...] = ()

    def source_of(self, value: str) -> str:
        """Where the value called `value` comes from."""
        return self.source if isinstance(self.source, str) else self.source.get(value, OWN)


class Core(Material):
    """An inorganic core."""


class Ligand(Material):
    """A ligand shell: its molar mass, and its thickness per side (nm) dried and in the solvent."""

    density_g_cm3: Annotated[float, Field(gt=0.3, lt=5.0)]

    molar_mass_g_mol: Annotated[float, Field(gt=10.0, lt=1e6)] | None = None
    dry_shell_nm: Annotated[NotNegative, Field(le=50.0)]
    solvated_shell_nm: Annotated[NotNegative, Field(le=50.0)]

    @model_validator(mode="after")
    def _swells(self) -> Ligand:
        if self.dry_shell_nm > self.solvated_shell_nm:
            raise WrongSetting(
                "dry_shell_nm", f"{self.dry_shell_nm:g}",
                f"must not be above solvated_shell_nm, {self.solvated_shell_nm:g}: a shell in its solvent is the thicker one",
                "give both per side in nm",
            )  # fmt: skip
        return self


Pairs = tuple[tuple[float, float], ...]


def _viscosity(given: Any) -> float | Pairs:
    """A viscosity in uPa s, or pairs of temperature (K) and viscosity, ascending; WrongSetting for anything else."""
    if _number(given):
        _check_viscosity(given)
        return float(given)
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise _no_viscosity(given)
    for pair in given:
        if not (isinstance(pair, Sequence) and len(pair) == 2 and all(map(_number, pair))):
            raise _no_viscosity(given)
        if not TEMPERATURES_K[0] < pair[0] < TEMPERATURES_K[1]:
            raise WrongSetting("", pair[0], "is no temperature in K", "give pairs of K (not degrees Celsius) and uPa s")
        _check_viscosity(pair[1])
    if any(later[0] <= earlier[0] for earlier, later in pairwise(given)):
        raise WrongSetting("", given, "temperatures must increase from pair to pair", "sort the pairs")
    return tuple((float(t), float(eta)) for t, eta in given)


def _as_it_is(viscosity: float | Pairs) -> Any:
    """For files: pydantic takes no union of its own through JSON."""
    return viscosity


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _no_viscosity(given: Any) -> WrongSetting:
    remedy = "give uPa s at temperature_K, or pairs [[temperature in K, uPa s], ...]"
    return WrongSetting("", given, "is neither a number nor a list of pairs", remedy)


def _check_viscosity(value: float) -> None:
    low, high = VISCOSITIES_UPA_S
    if not low <= value <= high:
        remedy = "give uPa s (octane: 508, which is 0.508 mPa s or 0.508 cP)"
        raise WrongSetting("", value, f"a liquid has {low:g} to {high:g} uPa s", remedy)


class Solvent(Material):
    """A solvent: viscosity (uPa s) at temperature_K or in pairs with the temperature (K), relative permittivity, and
    isothermal compressibility (1/GPa)."""

    density_g_cm3: Annotated[float, Field(gt=0.3, lt=5.0)]

    viscosity_uPa_s: Annotated[float | Pairs, PlainValidator(_viscosity), PlainSerializer(_as_it_is)]
    temperature_K: Annotated[float, Field(gt=TEMPERATURES_K[0], lt=TEMPERATURES_K[1])] = REFERENCE_TEMPERATURE_K
    permittivity: Annotated[float, Field(ge=1.0, le=200.0)]
    compressibility_per_GPa: Annotated[float, Field(ge=0.01, le=10.0)]

    def viscosity_pairs(self) -> Pairs:
        """Temperature (K) and viscosity (uPa s), ascending."""
        given = self.viscosity_uPa_s
        return given if isinstance(given, tuple) else ((self.temperature_K, given),)

    def viscosity_at(self, temperature_K: float, *, name: str = "the solvent") -> float:
        """Viscosity (Pa s) at a temperature (K): ln eta is linear in 1/T between neighbouring pairs (Andrade).

        InputFileError more than NEAR_K outside of them.
        """
        pairs = self.viscosity_pairs()
        low, high = pairs[0][0], pairs[-1][0]
        if not low - NEAR_K <= temperature_K <= high + NEAR_K:
            known = f"from {low:g} to {high:g} K" if high > low else f"at {low:g} K alone"
            raise bad_value(
                InputFileError, where="experiment", field="cell.temperature_K", value=temperature_K,
                rule=f"the viscosity of {name} is known {known}",
                remedy="give a temperature there (in K, not degrees Celsius), or a [materials.solvent] of your own with "
                "viscosity_uPa_s in pairs",
            )  # fmt: skip
        t = min(max(temperature_K, low), high)
        for (t0, eta0), (t1, eta1) in pairwise(pairs):
            if t <= t1:
                way = (1.0 / t0 - 1.0 / t) / (1.0 / t0 - 1.0 / t1)
                return (eta0 if way < 1.0 else eta1) / 1e6 * (eta1 / eta0) ** (way if way < 1.0 else 0.0)
        return pairs[0][1] / 1e6


class OwnMaterials(Settings):
    """The tables of materials that a file brings, by their names."""

    core: dict[str, Core] = Field(default_factory=dict)
    ligand: dict[str, Ligand] = Field(default_factory=dict)
    solvent: dict[str, Solvent] = Field(default_factory=dict)
