"""Solvents at 298.15 K: density (g/cm3), viscosity (uPa s, also at other temperatures), permittivity, compressibility."""

from __future__ import annotations

from ..nouns.material import REFERENCE_TEMPERATURE_K as ROOM_K
from ..nouns.material import Pairs, Solvent

CRC = "CRC Handbook, 97th ed."
VISCOSITY = f"{CRC}, Viscosity of Liquids"
COMPRESSIBILITY = f"{CRC}, Isothermal Compressibility of Liquids"
EQUATION = "equation of state, CoolProp 8.0.0"


def _solvent(
    formula: str,
    density_g_cm3: float,
    viscosity_uPa_s: Pairs,
    permittivity: tuple[float, float],
    compressibility_per_GPa: float,
    *,
    compressibility: str = COMPRESSIBILITY,
    viscosity: str = VISCOSITY,
    also: tuple[str, ...] = (),
) -> Solvent:
    """permittivity: value and the temperature (K) at which it was measured."""
    epsilon, at = permittivity
    source = {
        "density_g_cm3": CRC,
        "viscosity_uPa_s": viscosity,
        "permittivity": f"{CRC}, at {at:g} K",
        "compressibility_per_GPa": compressibility,
    }
    return Solvent(
        formula=formula, density_g_cm3=density_g_cm3, viscosity_uPa_s=viscosity_uPa_s, permittivity=epsilon,
        compressibility_per_GPa=compressibility_per_GPa, source=source, also=also,
    )  # fmt: skip


def _at(*viscosity: float) -> Pairs:
    """Viscosities at 0, 25, 50, ... degrees Celsius."""
    return tuple((273.15 + 25.0 * k, eta) for k, eta in enumerate(viscosity))


TOLUENE = (
    (210.0, 3114.86), (220.0, 2278.97), (230.0, 1746.93), (240.0, 1388.45), (250.0, 1135.41), (260.0, 949.80),
    (270.0, 809.22), (280.0, 699.85), (290.0, 612.80), (ROOM_K, 554.2), (300.0, 542.16), (310.0, 483.88), (320.0, 435.11),
    (330.0, 393.78), (340.0, 358.39), (350.0, 327.80), (360.0, 301.14), (370.0, 277.73),
)  # fmt: skip
"""ln(eta / 554.2) = 8.964 (x - 1) - 5.834 (x^2 - 1) + 2.089 (x^3 - 1), x = 298.15 K / T (Santos 2006)."""
TOLUENE_SOURCE = "554.2(33) uPa s and its change with temperature (0.5 %, below 260 K 2 %): Santos 2006"

SOLVENTS: dict[str, Solvent] = {
    "toluene": _solvent(
        "C7H8", 0.862, TOLUENE, (2.379, 296.35), 0.92, viscosity=TOLUENE_SOURCE,
        compressibility=f"{EQUATION}; 0.896 at 293 K, {COMPRESSIBILITY}",
    ),
    "benzene": _solvent("C6H6", 0.8737, ((298.15, 604.0), (323.15, 436.0), (348.15, 335.0)), (2.2825, 293.2), 0.966),
    "cyclohexane": _solvent(
        "C6H12", 0.7739, ((283.15, 1173.0), (298.15, 894.0), (323.15, 615.0), (348.15, 447.0)), (2.0243, 293.2), 1.128,
        compressibility=EQUATION, viscosity=f"{VISCOSITY}; at 283.15 K {EQUATION}",
    ),
    "hexane": _solvent("C6H14", 0.6548, _at(405.0, 300.0, 240.0), (1.8865, 293.2), 1.669, also=("n-hexane",)),
    "heptane": _solvent("C7H16", 0.6795, _at(523.0, 387.0, 301.0, 243.0), (1.9209, 293.2), 1.442, also=("n-heptane",)),
    "octane": _solvent("C8H18", 0.6986, _at(700.0, 508.0, 385.0, 302.0, 243.0), (1.948, 293.2), 1.282, also=("n-octane",)),
    "decane": _solvent("C10H22", 0.7264, _at(1277.0, 838.0, 598.0, 453.0, 359.0), (1.9853, 293.2), 1.094, also=("n-decane",)),
    "dodecane": _solvent(
        "C12H26", 0.7452, _at(2277.0, 1383.0, 930.0, 673.0, 514.0), (2.012, 293.2), 0.988, also=("n-dodecane",)
    ),
    "chloroform": _solvent(
        "CHCl3", 1.4797, _at(706.0, 537.0, 427.0), (4.8069, 293.2), 0.998, also=("trichloromethane",),
        compressibility=f"at 293 K, {COMPRESSIBILITY}",
    ),
    "tetrachloroethylene": _solvent(
        "C2Cl4", 1.6145, _at(1114.0, 844.0, 663.0, 535.0, 442.0), (2.268, 303.2), 0.756,
        also=("tetrachloroethene", "perchloroethylene", "TCE"),
    ),
    "chlorobenzene": _solvent("C6H5Cl", 1.1010, _at(1058.0, 753.0, 575.0, 456.0, 369.0), (5.6895, 293.2), 0.745,
                              compressibility=f"at 293 K, {COMPRESSIBILITY}"),
}  # fmt: skip
