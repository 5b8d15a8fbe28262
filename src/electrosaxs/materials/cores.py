"""Inorganic cores: formula and mass density (g/cm3).

Of semiconductors the density is that of the unit cell, M Z / (N_A V), with the lattice constants that are named: handbooks
differ there by up to 6 %.
"""

from __future__ import annotations

from ..nouns.material import Core

CRC = "CRC Handbook, 97th ed."


def _core(formula: str, density_g_cm3: float, source: str = CRC, *, also: tuple[str, ...] = ()) -> Core:
    return Core(formula=formula, density_g_cm3=density_g_cm3, source={"density_g_cm3": source}, also=also)


CORES: dict[str, Core] = {
    "Ag": _core("Ag", 10.49, also=("silver",)),
    "Au": _core("Au", 19.30, also=("gold",)),
    "Co": _core("Co", 8.86, also=("cobalt",)),
    "Cu": _core("Cu", 8.96, also=("copper",)),
    "Ni": _core("Ni", 8.90, also=("nickel",)),
    "Pd": _core("Pd", 12.02, also=("palladium",)),
    "Pt": _core("Pt", 21.45, also=("platinum",)),
    "Fe3O4": _core("Fe3O4", 5.17, also=("magnetite",)),
    "CdS": _core("CdS", 4.83, f"wurtzite cell, a 0.4136 nm, c 0.6713 nm; {CRC}"),
    "CdSe": _core("CdSe", 5.66, f"wurtzite cell, a 0.4299 nm, c 0.7010 nm; {CRC} gives 5.81"),
    "CdTe": _core("CdTe", 5.85, f"zinc blende cell, a 0.6482 nm; {CRC} gives 6.2"),
    "InP": _core("InP", 4.79, f"zinc blende cell, a 0.5869 nm; {CRC} gives 4.81"),
    "PbS": _core("PbS", 7.60, f"rock salt cell, a 0.5936 nm; {CRC} gives the same"),
    "PbSe": _core("PbSe", 8.28, f"rock salt cell, a 0.6124 nm; {CRC} gives 8.1"),
    "PbTe": _core("PbTe", 8.24, f"rock salt cell, a 0.6462 nm; {CRC} gives 8.16"),
    "SiO2": _core("SiO2", 2.20, f"amorphous silica; {CRC}", also=("silica",)),
}
