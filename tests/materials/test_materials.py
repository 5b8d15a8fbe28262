"""Cores, ligands and solvents: values that agree with other routes, and a file's own tables before them."""

import math

import pytest
from closeness import assert_close

from electrosaxs.errors import InputFileError
from electrosaxs.materials import (
    CORES,
    LIGANDS,
    SOLVENTS,
    TABLES,
    check_own,
    core_of,
    ligand_of,
    molar_mass_g_mol,
    solvent_of,
)
from electrosaxs.materials.choice import core_named
from electrosaxs.nouns import Solution
from electrosaxs.nouns.material import Solvent

AVOGADRO_PER_NM3 = 602.214
OWN = {
    "core": {"PbSe": {"formula": "PbSe", "density_g_cm3": 7.9}},
    "ligand": {"brush": {"formula": "C8H8", "density_g_cm3": 1.05, "dry_shell_nm": 4.0, "solvated_shell_nm": 9.0}},
    "solvent": {
        "blend": {
            "formula": "C8H18", "density_g_cm3": 0.7, "viscosity_uPa_s": [[290.0, 600.0], [310.0, 450.0]], "permittivity": 1.95,
            "compressibility_per_GPa": 1.3,
        }
    },
}  # fmt: skip


def solution(**given: object) -> Solution:
    return Solution.model_validate({"volume_fraction": 8e-4, **given})


def test_every_built_in_value_says_where_it_comes_from() -> None:
    assert (len(CORES), len(LIGANDS), len(SOLVENTS)) >= (12, 8, 10)
    for table in TABLES.values():
        for name, material in table.items():
            assert isinstance(material.source, dict), name
            values = set(type(material).model_fields) - {"formula", "source", "also", "temperature_K"}
            assert {key for key in values if getattr(material, key) is not None} == set(material.source), name


@pytest.mark.parametrize(
    # cubic and hexagonal unit cells: formula units, volume in nm3
    ("name", "units", "volume"),
    [
        ("PbS", 4, 0.5936**3), ("PbSe", 4, 0.6124**3), ("PbTe", 4, 0.6462**3), ("CdTe", 4, 0.6482**3), ("InP", 4, 0.5869**3),
        ("CdSe", 2, math.sqrt(0.75) * 0.4299**2 * 0.7010), ("CdS", 2, math.sqrt(0.75) * 0.4136**2 * 0.6713),
        ("Ag", 4, 0.4086**3), ("Au", 4, 0.4078**3), ("Pt", 4, 0.3924**3), ("Fe3O4", 8, 0.8396**3),
    ],
)  # fmt: skip
def test_densities_are_those_of_the_unit_cells(name: str, units: int, volume: float) -> None:
    expected = units * molar_mass_g_mol(CORES[name].formula) / (AVOGADRO_PER_NM3 * volume)
    assert_close(CORES[name].density_g_cm3, expected, rel=0.006)


def test_molar_masses_are_those_of_the_formulas() -> None:
    for name, ligand in LIGANDS.items():
        assert ligand.molar_mass_g_mol is not None, name
        assert_close(ligand.molar_mass_g_mol, molar_mass_g_mol(ligand.formula), rel=1e-4)


@pytest.mark.parametrize(
    # CoolProp 8.0.0 at 101325 Pa: density (kg/m3), isothermal compressibility (1/GPa), viscosity (uPa s) at 298.15, 313.15 K
    ("name", "density", "compressibility", "room", "warm"),
    [
        ("toluene", 862.24, 0.92065, 552.2, 465.3), ("benzene", 873.52, 0.9683, 602.1, 494.6),
        ("cyclohexane", 773.97, 1.1279, 891.2, 701.1), ("hexane", 654.85, 1.7008, 298.0, 258.2),
        ("heptane", 679.60, 1.4583, 390.1, 333.7), ("octane", 698.58, 1.2989, 511.5, 430.5),
        ("decane", 726.53, 1.1188, 848.1, 690.6), ("dodecane", 745.73, 0.9955, 1358.9, 1061.0),
    ],
)  # fmt: skip
def test_solvents_are_as_another_program_says(
    name: str, density: float, compressibility: float, room: float, warm: float
) -> None:
    solvent = SOLVENTS[name]
    assert_close(1e3 * solvent.density_g_cm3, density, rel=1e-3)
    assert_close(solvent.compressibility_per_GPa, compressibility, rel=0.025)
    assert_close(1e6 * solvent.viscosity_at(298.15), room, rel=0.02)
    assert_close(1e6 * solvent.viscosity_at(313.15), warm, rel=0.02)


def test_viscosity_falls_with_temperature_as_andrade_says_and_is_not_guessed_beyond_its_table() -> None:
    blend = solvent_of(solution(solvent="blend", materials=OWN))
    halfway = 1.0 / (0.5 / 290.0 + 0.5 / 310.0)
    assert_close(1e6 * blend.viscosity_at(halfway), math.sqrt(600.0 * 450.0), rel=1e-12)
    assert_close([1e6 * blend.viscosity_at(t) for t in (290.0, 310.0)], [600.0, 450.0], rel=1e-12)
    with pytest.raises(
        InputFileError, match=r"temperature_K = 320.0: the viscosity of blend is known from 290 to 310 K"
    ):
        blend.viscosity_at(320.0, name="blend")
    one = Solvent.model_validate({**OWN["solvent"]["blend"], "viscosity_uPa_s": 508, "temperature_K": 300.0})
    assert one.viscosity_at(300.5) == 508e-6
    with pytest.raises(InputFileError, match="at 300 K alone"):
        one.viscosity_at(310.0)


def test_the_own_tables_of_a_file_come_before_the_built_in_ones() -> None:
    mine = solution(core="PbSe", ligand="brush", solvent="octane", materials=OWN)
    assert core_of(mine).density_g_cm3 == 7.9 != CORES["PbSe"].density_g_cm3
    assert ligand_of(mine).solvated_shell_nm == 9.0
    assert solvent_of(mine) is SOLVENTS["octane"]


def test_a_material_goes_by_its_other_names_too() -> None:
    named = solution(core="ag", ligand="Oleic acid", solvent="n-octane")
    assert core_of(named) is CORES["Ag"]
    assert ligand_of(named) is LIGANDS["oleate"]
    assert solvent_of(named) is SOLVENTS["octane"]
    assert core_of(solution(core="Co")) is CORES["Co"]


def test_an_unknown_material_is_told_what_is_known_and_how_to_give_ones_own() -> None:
    with pytest.raises(InputFileError, match=r'solution\.ligand = "oleat": .*1-dodecanethiol.*mean oleate\?'):
        ligand_of(solution(ligand="oleat"))
    with pytest.raises(
        InputFileError, match=r'solvent = "my ink": .*\[materials\.solvent\."my ink"\] with formula.*permittivity'
    ):
        solvent_of(solution(solvent="my ink"))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"formula": "brush"}, r'materials\.ligand\.brush\.formula = "brush": is no chemical formula'),
        (
            {"molar_mass_g_mol": 500.0},
            r"materials\.ligand\.brush\.molar_mass_g_mol = 500: is not that of C8H8, 104\.15 g/mol",
        ),
    ],
)
def test_a_formula_is_read_before_the_work_begins(change: dict[str, object], line: str) -> None:
    brush = {**OWN["ligand"]["brush"], **change}
    with pytest.raises(InputFileError, match=line):
        check_own(solution(ligand="brush", materials={"ligand": {"brush": brush}}).materials)


@pytest.mark.parametrize(
    ("name", "formula"), [("gold", "Au"), ("Silver", "Ag"), ("MAGNETITE", "Fe3O4"), ("silica", "SiO2")]
)
def test_a_core_has_its_plain_name_too(name, formula):
    assert core_named(name).formula == formula
