"""Lead selenide with oleate in octane, described in the file and weighed in mg/mL, from experiment to numbers."""

import json
import re
from pathlib import Path

import pytest
from closeness import assert_close
from simulated_runs import analysed

from electrosaxs.command_line.app import run as command_line
from electrosaxs.io.results import read_results
from electrosaxs.io.run_toml import read_experiment, read_run, write_experiment
from electrosaxs.recipes.plan.plan import plan
from electrosaxs.recipes.predict import predict
from electrosaxs.recipes.simulate_run import simulate_run

EXPERIMENT = """
[cell]
gap_mm = 3.5
path_length_mm = 10.0
[solution]
concentration_mg_mL = 3.0
mass = "core and ligand"
core = "lead selenide"
ligand = "oleate"
solvent = "octane"
core_diameter_nm = 6.2
core_sigma_nm = 0.6
[materials.core."lead selenide"]
formula = "PbSe"
density_g_cm3 = 8.27
[materials.ligand.oleate]
formula = "C18H33O2"
density_g_cm3 = 0.89
molar_mass_g_mol = 281.5
dry_shell_nm = 1.0
solvated_shell_nm = 1.8
[materials.solvent.octane]
formula = "C8H18"
density_g_cm3 = 0.6986
viscosity_uPa_s = [[288.15, 575], [298.15, 508], [308.15, 455]]
permittivity = 1.94
compressibility_per_GPa = 1.28
[voltage]
time_s = [0.0]
voltage_V = [30.0]
[transport]
effective_charge = 0.045
[scan]
duration_s = 300.0
heights_um = [0, 100, 1000, 3400]
scans = 3
reference_frames = 3
solvent_frames = 3
[beam]
energy_keV = 12.4
fwhm_um = 34.0
[detector]
name = "Pilatus100k"
distance_m = 0.8
"""
WEIGHED = 'concentration_mg_mL = 3.0\nmass = "core and ligand"'


@pytest.fixture(scope="module")
def selenide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The experiment, and in `run` its simulation."""
    folder = tmp_path_factory.mktemp("selenide")
    (folder / "experiment.toml").write_text(EXPERIMENT)
    simulate_run(folder / "experiment.toml", folder / "run")
    return folder


def test_a_weighed_solution_of_own_materials_comes_back_out_of_its_frames(selenide: Path, tmp_path: Path) -> None:
    run = selenide / "run" / "run.toml"
    phi = read_run(run).solution.volume_fraction
    told = "\n".join(WEIGHED if line.startswith("volume_fraction") else line for line in run.read_text().splitlines())
    weighed = run.with_name("weighed.toml")
    weighed.write_text(told)
    results, truth = analysed(weighed, tmp_path), read_results(run.parent / "truth.nxs")
    assert_close(results.settings["solution"]["volume_fraction"], phi, rel=2e-3)
    assert any("3 mg/mL of core and ligand" in note for note in results.notes)
    assert_close(results.volume_fraction.values[:, :3], truth.volume_fraction.values[:, :3], rel=0.01)
    assert_close(results.diameter.values[:, :3], truth.diameter.values[:, :3], rel=0.005)
    assert_close(results.numbers["starting_diameter"].value, 6.2, rel=5e-3)


def test_what_it_was_made_from_is_written_with_its_seed(selenide: Path) -> None:
    provenance = json.loads((selenide / "run" / "provenance.json").read_text())
    assert provenance["seed"] == 1
    assert [given["file"] for given in provenance["inputs"]] == ["experiment.toml"]
    assert len(provenance["inputs"][0]["sha256"]) == 64
    assert {"electrosaxs", "numpy", "xraydb"} <= set(provenance["versions"])


def test_the_simulated_folder_describes_the_same_materials(selenide: Path) -> None:
    given, written = (
        read_experiment(selenide / "experiment.toml"),
        read_experiment(selenide / "run" / "experiment.toml"),
    )
    run = read_run(selenide / "run" / "run.toml")
    assert written.solution.materials == run.solution.materials == given.solution.materials
    assert written.solution.volume_fraction == run.solution.volume_fraction


def test_a_field_moves_particles_as_the_solvent_s_viscosity_says(selenide: Path, tmp_path: Path) -> None:
    thick = tmp_path / "thick.toml"
    thick.write_text(EXPERIMENT.replace("508", "540"))
    speed = [predict(file).results.numbers["supply_flux"].value for file in (selenide / "experiment.toml", thick)]
    assert speed[0] is not None
    assert speed[1] is not None
    assert_close(speed[0] / speed[1], 540.0 / 508.0, rel=1e-3)


def test_a_plan_is_made_for_any_material(selenide: Path, tmp_path: Path) -> None:
    made = plan(selenide / "experiment.toml", "supply-flux=4e-10")
    assert_close(made.numbers["plan_reached"].value or 0.0, 4e-10, rel=0.01)
    write_experiment(tmp_path / "planned.toml", made.experiment)
    assert read_experiment(tmp_path / "planned.toml") == made.experiment


def test_a_prediction_says_where_the_beam_does_not_come_through(tmp_path: Path) -> None:
    above_the_edges = tmp_path / "dark.toml"
    above_the_edges.write_text(EXPERIMENT.replace("12.4", "13.3").replace("= 3.0\n", "= 60.0\n"))
    results = predict(above_the_edges).results
    assert (results.numbers["lowest_transmission"].value or 1.0) < 1e-3
    assert any(note.startswith("too dark: the transmission falls to") for note in results.notes)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('core = "lead selenide"', 'core = "lead"', r'e\.toml: solution\.core = "lead": is no core .*lead selenide'),
        ('formula = "PbSe"', 'formula = "lead"', r'materials\.core\."lead selenide"\.formula = "lead": is no chemical'),
        ("= 3.0\n", "= 9000.0\n", r"concentration_mg_mL = 9000: is a volume fraction of .*; give mg per mL"),
        ("[288.15, 575]", "[15, 575]", r"materials\.solvent\.octane\.viscosity_uPa_s = 15: .*Celsius"),
        ("575", "0.575", r"materials\.solvent\.octane\.viscosity_uPa_s = 0\.575: .*0\.508 mPa s"),
        (
            "density_g_cm3 = 8.27",
            "density_g_cm3 = 8270",
            r"core\.lead selenide\.density_g_cm3 = 8270: must be below",
        ),
        ("density_g_cm3 = 8.27", "density = 8.27", r"density = 8\.27: is not a known key; did you mean density_g_cm3"),
        (
            "solvated_shell_nm = 1.8",
            "",
            r"materials\.ligand\.oleate\.solvated_shell_nm = missing: is required; give the thick",
        ),
    ],
)
def test_a_material_that_cannot_be_is_refused(
    old: str, new: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:

    assert old in EXPERIMENT
    (tmp_path / "e.toml").write_text(EXPERIMENT.replace(old, new))
    assert command_line(["predict", str(tmp_path / "e.toml"), "--out", str(tmp_path / "out"), "--quiet"]) == 2
    said = capsys.readouterr().err
    assert re.search(line, said), said


def test_the_command_lists_values_with_units_and_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["materials", "oleic"]) == 0
    listed = capsys.readouterr().out
    assert "oleate  C18H33O2  (also: oleic acid)" in listed
    assert "nm per side" in listed
    assert "estimated: stretched chain" in listed
    assert "toluene" not in listed
    assert command_line(["materials", "solvent"]) == 0
    assert "508 uPa s (273.15 to 373.15 K)" in capsys.readouterr().out
    assert command_line(["materials", "water"]) == 2
    assert 'NAME = "water": is no material that is known; cores: Ag' in capsys.readouterr().err
