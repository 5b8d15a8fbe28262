"""The simulated campaign follows its stated model, is computed once, and sets what was found beside truth and paper."""

import json
import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.io.campaign_toml import read_campaign
from electrosaxs.io.numbers_json import read_numbers, write_numbers
from electrosaxs.nouns import Number, RunResults
from electrosaxs.nouns.campaign import FilmMember
from electrosaxs.nouns.trends import Member
from electrosaxs.physics.tetrahedron import volume
from electrosaxs.recipes.campaign import members
from electrosaxs.recipes.campaign.campaign import results_of
from electrosaxs.recipes.film.gisaxs import analyse_film
from electrosaxs.recipes.film.inputs import FilmOptions
from electrosaxs.recipes.paper import checked, simulate
from electrosaxs.recipes.paper.paper import paper, summary
from electrosaxs.recipes.paper.plan import (
    DENSITY_EXPONENT,
    PAPER,
    QUICK,
    Lattices,
    campaign_text,
    film_experiments,
    grown_samples,
    run_experiments,
)
from electrosaxs.recipes.paper.plan import paper_cells as cells
from electrosaxs.recipes.paper.published import statements
from electrosaxs.recipes.paper.truth import true_members
from electrosaxs.recipes.simulate_film import simulate_film
from electrosaxs.twin.anode import Anode
from electrosaxs.twin.island_growth import TOP_OVER_BASE, volume_of

CONSTANTS = Lattices((10.0, 20.0, 30.0), (15.2, 15.1, 14.9))


@pytest.fixture(scope="module")
def samples() -> dict[str, Anode]:
    return grown_samples(PAPER, cells())


def test_islands_of_all_fields_follow_one_rule_and_hold_what_their_cells_fed(samples: dict[str, Anode]) -> None:
    """Taken out at the film of the weakest field after an hour: as much on every anode, on more and smaller islands."""
    flux = np.array([one.record.flux for one in samples.values()])
    per_mm2 = np.array([one.truth()["density_per_mm2"] for one in samples.values()])
    assert_close(np.diff(np.log(per_mm2)) / np.diff(np.log(flux)), np.full(5, DENSITY_EXPONENT), rel=1e-9)
    film = samples["sem-5V"].record.film_um[-1]
    assert samples["sem-5V"].record.time[-1] == 3600.0
    assert_close(samples["sem-5V"].view.base_edge_um, 28.5, rel=1e-9)
    for one, density in zip(samples.values(), per_mm2, strict=True):
        assert_close(one.record.film_um[-1], film, rel=1e-3)
        each = volume(one.view.base_edge_um, TOP_OVER_BASE * one.view.base_edge_um, one.view.truncation)
        assert_close(1e-6 * density * each, film, rel=1e-3)


def test_what_the_cells_fed_is_on_the_micrographs(samples: dict[str, Anode]) -> None:
    """Volume of the islands of ten fields and of the film below them."""
    one = samples["sem-20V"]
    wide = replace(one, view=one.view.model_copy(update={"width_px": 6000, "height_px": 6000}))
    grown, scale = wide.field(np.random.default_rng(2)), one.view.um_per_pixel
    inside = [i for i in grown.islands if 0.0 <= i.x < 6000.0 and 0.0 <= i.y < 6000.0]
    assert len(inside) > 500
    assert_close(volume_of(inside) * scale / 6000.0**2, one.record.film_um[-1], rel=0.02)


def test_lattice_constants_are_the_published_ones_where_the_paper_gives_them() -> None:
    runs = run_experiments(PAPER, cells(), CONSTANTS)
    assert runs["run-20V"].growth.lattice_constant_nm == 15.1
    assert runs["run-30V"].growth.lattice_constant_nm == 14.9
    films = film_experiments(PAPER, CONSTANTS)
    assert films["film-5V"].film.lattice_constant_nm == 13.2
    assert_close(films["film-30V"].film.lattice_constant_nm, 13.2 * 14.9 / 15.2, rel=1e-12)


@pytest.mark.usefixtures("unrendered")
def test_the_reflections_that_the_paper_sees_clearly_are_indexed_and_counted(tmp_path: Path) -> None:
    made = simulate_film(film_experiments(PAPER, CONSTANTS)["film-5V"], tmp_path / "film")
    options = FilmOptions((0.31,), 10.0)
    analyse_film([made.image], tmp_path / "out", geometry=made.geometry, options=options)
    film = Member("film", "film-5V", voltage_V=5.0, gap_mm=2.5, folder=tmp_path / "out")
    absent = defaultdict(lambda: Number.absent("one", "no run"))
    row = next(r for r in statements([film], absent, {}, {}, {}) if "high index" in r.words)
    assert row.paper.startswith("(228), (446), (157)")
    assert all(int(part.split()[0]) >= 2 for part in row.found.split(", ")), row.found  # left and right


def test_the_simulated_members_are_a_campaign(tmp_path: Path) -> None:
    films, samples = ([f"{kind}-{volts:g}V" for volts in PAPER.ex_situ_V] for kind in ("film", "sem"))
    seconds = dict.fromkeys(samples, 600.0)
    (tmp_path / "campaign.toml").write_text(campaign_text(PAPER, "simulated", ["run-20V"], films, seconds))
    read = read_campaign(tmp_path / "campaign.toml")
    assert read.runs == (tmp_path.resolve() / "simulated" / "run-20V" / "run.toml",)
    assert [film.voltage_V for film in read.films] == list(PAPER.ex_situ_V)
    assert isinstance(read.films[0], FilmMember)
    assert read.micrographs[0].images == [str(tmp_path.resolve() / "simulated/sem-5V/field???.tif")]
    assert read.micrographs[0].height_maps == (str(tmp_path.resolve() / "simulated/sem-5V/height_map.tif"),)


def test_a_sample_may_be_height_maps_alone(tmp_path: Path) -> None:
    (tmp_path / "campaign.toml").write_text(
        '[[micrographs]]\nheight_maps = ["afm/map.tif"]\nvoltage_V = 5.0\ngap_mm = 2.5\n'
    )
    read = read_campaign(tmp_path / "campaign.toml")
    assert [task.name for task in members.tasks(read, tmp_path / "out")] == ["afm-map"]


def test_the_truth_of_an_exponent_is_that_of_the_model() -> None:
    """Found 5 % off at one field; the same weights on the true densities give the model's power."""
    density = {v: 400.0 * (v / 5.0) ** (1.8 * DENSITY_EXPONENT) for v in PAPER.ex_situ_V}
    found = [
        Member("micrographs", f"sem-{v:g}V", v, 2.5, numbers={
            "nucleation_density": Number(1.05 * n if v == 30.0 else n, 0.05 * n, "1/mm^2", "counted"),
            "area": Number(0.1, None, "mm^2", "area"), "island_count": Number(0.1 * n, 0.0, "one", "counted"),
        })
        for v, n in density.items()
    ]  # fmt: skip
    truths = {f"sem-{v:g}V": {"nucleation_density": n} for v, n in density.items()}
    true = results_of(true_members(found, truths), "field", "").numbers["nucleation_density_exponent"]
    measured = results_of(found, "field", "").numbers["nucleation_density_exponent"]
    assert true.value is not None
    assert measured.value is not None
    assert_close(true.value, 1.8 * DENSITY_EXPONENT, rel=1e-4)
    assert measured.value > true.value + 0.005


@pytest.fixture
def computed(quiet_nexus: Path, quiet_results: tuple[RunResults, Path], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is simulated and analysed, by name, in the order of the calls; finished runs stand for all of it."""
    called: list[str] = []

    def simulated(_: object, out: Path, **__: object) -> None:
        called.append(out.name)
        shutil.copytree(quiet_nexus.parent, out, dirs_exist_ok=True)

    def images(_: object, out: Path, **__: object) -> None:
        called.append(out.name)
        out.mkdir(parents=True, exist_ok=True)
        for name in ("film.cbf", "geometry.poni", "field001.tif", "height_map.tif", "packing.tif"):
            (out / name).write_text("image")

    def results(_: object, out: Path, **__: object) -> None:
        called.append(out.name)
        shutil.copytree(quiet_results[1], out, dirs_exist_ok=True)

    def film(_: object, out: Path, **__: object) -> None:
        called.append(out.name)
        out.mkdir(parents=True, exist_ok=True)
        write_numbers(out / "numbers.json", {"lattice_constant_dried": Number(13.21, 0.01, "nm", "spots")})

    def islands(_: object, out: Path, **__: object) -> None:
        called.append(out.name)
        out.mkdir(parents=True, exist_ok=True)
        write_numbers(out / "numbers.json", {"nucleation_density": Number(500.0, 60.0, "1/mm^2", "islands")})

    for module, name, stand_in in (
        (simulate, "simulate_run", simulated), (simulate, "simulate_film", images),
        (simulate, "draw_micrographs", images), (members, "analyse_run", results),
        (members, "analyse_film", film), (members, "count_islands", islands),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, stand_in)
    monkeypatch.setattr("electrosaxs.recipes.campaign.output.campaign_figures", lambda *_: [])
    monkeypatch.setattr("electrosaxs.recipes.campaign.output.paper_figures", lambda *_: [])
    return called


def test_what_is_there_is_not_computed_again_and_the_truth_stands_beside_it(
    computed: list[str], tmp_path: Path
) -> None:
    plan = replace(QUICK, runs={30.0: (300.0, 4)}, ex_situ_V=(30.0,))
    names = ["run-30V", "film-30V", "sem-30V"]
    found = paper(tmp_path / "out", plan=plan, workers=1)
    assert computed == names * 2  # simulated, then analysed
    computed.clear()
    paper(tmp_path / "out", plan=plan, workers=1)
    assert computed == []
    paper(tmp_path / "out", plan=replace(plan, runs={30.0: (400.0, 4)}), workers=1)
    assert computed == ["run-30V"]  # simulated once more; the stand-in's files are the same, so nothing is analysed
    truth = json.loads((tmp_path / "out" / "truth.json").read_text())
    assert_close(truth["members"]["run-30V"]["supply_flux"], 0.95e-9, rel=0.1)
    assert truth["members"]["film-30V"]["contraction_along_normal"] == 0.0
    numbers = read_numbers(tmp_path / "out" / "members" / "film-30V" / "numbers.json")
    assert numbers["lattice_constant_dried"].value == 13.21
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "Smaller than in the paper" in page
    assert "nucleation density: the slice flux at the onset to the power 0.5" in page
    said = summary(found, tmp_path / "out")
    assert "dried films that are FCC" in said
    assert "never within 3 h" not in said  # no run at 14 V/cm


def test_claims_are_computed_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Written and read back, they are the same claims."""
    from electrosaxs.claims.motion import solution_claims
    from electrosaxs.recipes.claims.claims import CheckedClaims

    campaign = cells()
    section = {"solution": solution_claims(campaign)}
    stand_in = CheckedClaims(campaign, None, section, (), (0.0, 1.0), (0.0, 1.0), (0.0, 1.0))  # type: ignore[arg-type]
    monkeypatch.setattr(checked, "check_claims", lambda _: stand_in)
    monkeypatch.setattr(checked, "write_pictures", lambda *_: None)
    first = checked.claims_once(tmp_path, progress=None)
    monkeypatch.setattr(checked, "check_claims", lambda _: pytest.fail("computed again"))
    assert checked.claims_once(tmp_path, progress=None) == first
    assert first == {"The solution and X-rays": section["solution"]}
