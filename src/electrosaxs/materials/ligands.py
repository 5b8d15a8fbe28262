"""Ligand shells: formula, density, molar mass, and thickness per side (nm) dried and in the solvent.

Only the shells of 1-dodecanethiol are measured. Those of the others are estimated from the chain of n carbons: stretched
out in the solvent, 0.154 + 0.1265 n nm (Tanford 1972) and 0.12 nm for the head, which is the measured one of dodecanethiol;
a cis double bond in the middle bends it by 60 degrees, x 0.87; dried and interdigitated, the same share of it as of
dodecanethiol (0.62). Shells depend on coverage and core: dry_shell_nm and solvated_shell_nm of [solution] come first.
"""

from __future__ import annotations

from ..nouns.material import Ligand

CRC = "CRC Handbook, 97th ed."
SHEET = "maker's data sheet"
YU = "lattice constants 13.2 nm dried and 15.1 nm solvated of 7.1 nm cores, Yu 2018"
DODECANETHIOL_NM = (1.115, 1.79)
HEAD_NM = 0.12


CIS_BEND = 0.87


def _stretched_nm(carbons: int, bend: float) -> float:
    """Length of a stretched chain with its head: 1.79 nm for 12 carbons."""
    return bend * (0.154 + 0.1265 * carbons) + HEAD_NM


def _ligand(
    formula: str,
    density_g_cm3: float,
    molar_mass_g_mol: float,
    *,
    carbons: int,
    bend: float = 1.0,
    density: str = CRC,
    also: tuple[str, ...] = (),
) -> Ligand:
    """A ligand whose shells are estimated from the carbons of its longest chain."""
    wet = round(_stretched_nm(carbons, bend), 2)
    dry = round(wet * DODECANETHIOL_NM[0] / DODECANETHIOL_NM[1], 2)
    source = {
        "density_g_cm3": density,
        "molar_mass_g_mol": "from the formula",
        "dry_shell_nm": "estimated: 0.62 of solvated_shell_nm, as measured of 1-dodecanethiol",
        "solvated_shell_nm": f"estimated: stretched chain, {bend:g} x (0.154 + 0.1265 x {carbons}) + {HEAD_NM} nm",
    }
    return Ligand(
        formula=formula, density_g_cm3=density_g_cm3, molar_mass_g_mol=molar_mass_g_mol, dry_shell_nm=dry,
        solvated_shell_nm=wet, source=source, also=also,
    )  # fmt: skip


LIGANDS: dict[str, Ligand] = {
    "1-dodecanethiol": Ligand(
        formula="C12H26S",
        density_g_cm3=0.845,
        molar_mass_g_mol=202.40,
        dry_shell_nm=DODECANETHIOL_NM[0],
        solvated_shell_nm=DODECANETHIOL_NM[1],
        source={
            "density_g_cm3": CRC,
            "molar_mass_g_mol": "from the formula",
            "dry_shell_nm": YU,
            "solvated_shell_nm": YU,
        },
        also=("dodecanethiol", "DDT"),
    ),
    "1-hexanethiol": _ligand("C6H14S", 0.838, 118.24, carbons=6, also=("hexanethiol",)),
    "1-octanethiol": _ligand("C8H18S", 0.843, 146.29, carbons=8, also=("octanethiol",)),
    "1-octadecanethiol": _ligand("C18H38S", 0.847, 286.56, carbons=18, also=("octadecanethiol", "ODT")),
    "oleate": _ligand("C18H33O2", 0.89, 281.46, carbons=18, bend=CIS_BEND, density=f"oleic acid, {CRC}", also=("oleic acid",)),
    "oleylamine": _ligand("C18H37N", 0.813, 267.49, carbons=18, bend=CIS_BEND, density=SHEET, also=("OAm", "OLAM")),
    "stearate": _ligand("C18H35O2", 0.94, 283.47, carbons=18, density=f"stearic acid, {CRC}", also=("stearic acid",)),
    "trioctylphosphine oxide": _ligand("C24H51OP", 0.88, 386.63, carbons=8, density=SHEET, also=("TOPO",)),
    "trioctylphosphine": _ligand("C24H51P", 0.831, 370.64, carbons=8, density=SHEET, also=("TOP",)),
}  # fmt: skip
