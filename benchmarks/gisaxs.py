"""Twelve simulated films and what `gisaxs` makes of them, and two that have no lattice.

    python benchmarks/gisaxs.py [--films WORD ...] [--seeds N]

Pilatus 2M, 10 keV, 1833.01 mm; the stated angle of incidence is 0.017 deg off. One row per film: whether lattice and plane are
right, errors of a, strain and angle, share of the visible spots found and of the indexed ones that are real, CPU seconds. A
spot is visible where its expected counts stand 8 sigma out of what is around it. With --seeds N: pulls over N frames of each
film, the stated angle drawn about the true one with its sigma. With --peers: pyFAI's maps of the same pixels beside ours.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, field

import numpy as np

from electrosaxs.grazing.geometry import film_coordinates, place_of_reflection
from electrosaxs.nouns.film import Refined
from electrosaxs.nouns.film_experiment import FilmBeam, FilmDetector, FilmExperiment, FilmOutput, FilmSettings
from electrosaxs.physics.film_frame import Incidence, q_along_normal
from electrosaxs.physics.film_reflections import film_reflections
from electrosaxs.recipes.film.first_study import FilmStudy
from electrosaxs.recipes.film.inputs import FilmInputs, FilmOptions, read_inputs
from electrosaxs.recipes.film.study import study_film
from electrosaxs.recipes.simulate_film import simulate_film
from electrosaxs.twin.film import FilmFrame, draw_film

STATED_OFF_DEG, STATED_SIGMA_DEG = 0.017, 0.02
VISIBLE, DISC, AROUND = 8.0, 5.0, (9.0, 13.0)  # sigma; pixels of a spot, and of what is around it
SAME, MET = 8.0, 5.0  # pixels: reflections that are one spot; a spot at its reflection
LARGEST_Q = 6.0  # 1/nm


@dataclass(frozen=True)
class Case:
    """A film, and how it is looked at."""

    name: str
    film: FilmSettings
    beam: FilmBeam = field(default_factory=FilmBeam)
    detector: FilmDetector = field(default_factory=FilmDetector)

    def experiment(self, seed: int) -> FilmExperiment:
        return FilmExperiment(film=self.film, beam=self.beam, detector=self.detector, output=FilmOutput(seed=seed))


TILTED = FilmDetector(rot1_deg=2.5, rot2_deg=-1.8, rot3_deg=0.7)
LIGHT = FilmSettings(core="Fe3O4", core_diameter_nm=8.0, thickness_nm=200.0)
CASES = (
    Case("paper", FilmSettings()),
    Case("weak", FilmSettings(), FilmBeam(brightest_counts=40.0, parasitic_counts=5.0, flat_counts=0.05)),
    Case("tilted", FilmSettings(), detector=TILTED),
    Case("below critical", FilmSettings(), FilmBeam(incident_angle_deg=0.17)),
    Case("light, copies", LIGHT, FilmBeam(incident_angle_deg=0.16)),
    Case("faults", FilmSettings(fault_probability=0.1)),
    Case("FCC (110)", FilmSettings(normal=[1, 1, 0])),
    Case("HCP (001)", FilmSettings(lattice="HCP", normal=[0, 0, 1], lattice_constant_nm=9.33)),
    Case("BCC (100)", FilmSettings(lattice="BCC", normal=[1, 0, 0], lattice_constant_nm=10.5)),
    Case("strain -5 %", FilmSettings(contraction_along_normal=-0.05)),
    Case("strain 12 %", FilmSettings(contraction_along_normal=0.12)),
    Case("SC, mosaic 1.5", FilmSettings(lattice="SC", normal=[1, 0, 0], lattice_constant_nm=9.0, mosaic_deg=1.5)),
)
TILTED_CASE = Case("tilted, not turned", FilmSettings(), detector=FilmDetector(rot1_deg=2.5, rot2_deg=-1.8))
ORIENTATION = 4  # pyFAI's number for a film whose normal points to smaller rows
NO_LATTICE = (Case("disordered", FilmSettings(texture="disordered")), Case("empty", FilmSettings(texture="empty")))


@dataclass(frozen=True)
class Looked:
    """A frame and what the analysis made of it."""

    frame: FilmFrame
    inputs: FilmInputs
    study: FilmStudy
    seconds: float


def look(case: Case, seed: int, stated_deg: float) -> Looked:
    """Simulate, write, read and analyse one frame."""
    experiment = case.experiment(seed)
    with tempfile.TemporaryDirectory() as folder:
        made = simulate_film(experiment, folder)
        options = FilmOptions((stated_deg,), 10.0, STATED_SIGMA_DEG, core=case.film.core)
        started = time.process_time()
        inputs = read_inputs([made.image], made.geometry, options)
        study = study_film(inputs, options)
    return Looked(draw_film(experiment), inputs, study, time.process_time() - started)


def true_places(looked: Looked, film: FilmSettings) -> np.ndarray:
    """Rows and columns (n, 2) of all reflections of both channels and sides."""
    unit = 2.0 * np.pi / film.lattice_constant_nm
    rings = film_reflections(film.lattice, tuple(film.normal), LARGEST_Q / unit)
    use = rings.parallel > 1e-6
    parallel, normal = unit * rings.parallel[use], unit * rings.normal[use] / (1.0 - film.contraction_along_normal)
    places = [
        np.stack(place_of_reflection(looked.inputs.plane, looked.frame.incidence, side * parallel, normal, back), axis=1)
        for side in (1.0, -1.0) for back in (False, True)
    ]  # fmt: skip
    table = np.concatenate(places)
    return table[np.isfinite(table).all(axis=1)]


def visible_spots(looked: Looked, film: FilmSettings) -> np.ndarray:
    """Places (n, 2) whose expected counts stand out of what is around them, one per spot, the clearest first."""
    expected, unused = looked.frame.expected, looked.inputs.unused[0]
    rows, columns = expected.shape
    found = []
    for row, column in true_places(looked, film):
        r, c = round(row), round(column)
        if not (15 <= r < rows - 15 and 15 <= c < columns - 15):
            continue
        window = (slice(r - 14, r + 15), slice(c - 14, c + 15))
        y, x = np.mgrid[window]
        apart, usable = np.hypot(y - row, x - column), ~unused[window] & (expected[window] > 0.0)
        disc, ring = (apart < DISC) & usable, (apart > AROUND[0]) & (apart < AROUND[1]) & usable
        if disc.sum() < 0.7 * np.pi * DISC**2 or ring.sum() < 30:
            continue
        level = float(np.median(expected[window][ring]))
        counts = float(expected[window][disc].sum())
        top = expected[window][(apart < DISC)].max()
        significance = (counts - level * disc.sum()) / np.sqrt(counts)
        if significance > VISIBLE and top > expected[window][ring].max():
            found.append((significance, row, column))
    kept: list[np.ndarray] = []
    for _, row, column in sorted(found, reverse=True):
        if all(np.hypot(row - k[0], column - k[1]) > SAME for k in kept):
            kept.append(np.array([row, column]))
    return np.array(kept).reshape(-1, 2)


def shares(looked: Looked, film: FilmSettings) -> tuple[float, float, int]:
    """Share of the visible spots that were found, share of the indexed ones that lie at a reflection, how many are visible."""
    visible, everything = visible_spots(looked, film), true_places(looked, film)
    spots = np.array([(s.row, s.column) for s in looked.study.spots]).reshape(-1, 2)
    found = [np.linalg.norm(spots - v, axis=1).min(initial=np.inf) < MET for v in visible]
    indexed = looked.study.indexed
    if indexed is None:
        return float(np.mean(found)) if found else np.nan, np.nan, len(visible)
    taking_part = [s for s in looked.study.spots if not s.excluded]
    real = [
        np.linalg.norm(everything - (s.row, s.column), axis=1).min(initial=np.inf) < MET
        for s, reflection in zip(taking_part, indexed.found[0], strict=True) if reflection >= 0
    ]  # fmt: skip
    return float(np.mean(found)) if found else np.nan, float(np.mean(real)), len(visible)


def sigma(refined: Refined, name: str) -> float:
    """Of a refined parameter, NaN where it was held."""
    told = refined.sigma(name)
    return np.nan if told is None else told


def row_of(case: Case) -> str:
    """One film in one line of a Markdown table."""
    angle, film = case.beam.incident_angle_deg, case.film
    looked = look(case, 1, angle + STATED_OFF_DEG)
    study, made = looked.study, looked.study.assignment.orientation
    found = "none" if made is None else made.name
    if study.indexed is None or made is None:
        right = "yes" if film.texture in ("disordered", "empty") else "**no**"
        return f"| {case.name} | {found} | {right} | | | | | | {len(study.spots)} | {looked.seconds:.1f} |"
    as_made = made.lattice == film.lattice and list(made.normal or ()) == list(film.normal)
    c, refined = study.constants, study.indexed.refined
    seen, real, visible = shares(looked, film)
    off = 100.0 * (c.a / film.lattice_constant_nm - 1.0), c.contraction - film.contraction_along_normal
    cells = [
        case.name, found, "yes" if as_made else "**no**", f"{off[0]:+.3f} ± {100.0 * sigma(refined, 'a') / c.a:.3f}",
        f"{off[1]:+.4f} ± {sigma(refined, 'contraction'):.4f}",
        f"{np.degrees(c.incidence[0]) - angle:+.4f} ± {np.degrees(sigma(refined, 'incidence 0')):.4f}",
        f"{100 * seen:.0f} of {visible}", f"{100 * real:.0f} of {study.indexed.matches}", str(len(study.spots)),
        f"{looked.seconds:.1f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def pulls_of(case: Case, seeds: int) -> str:
    """Standard deviation and mean of the pulls of a, strain and angle."""
    film, angle, pulls = case.film, case.beam.incident_angle_deg, []
    for seed in range(1, seeds + 1):
        stated = angle + STATED_SIGMA_DEG * float(np.random.default_rng([seed, 5]).normal())
        study = look(case, seed, stated).study
        if study.indexed is not None:
            c, refined = study.constants, study.indexed.refined
            pulls.append([
                (c.a - film.lattice_constant_nm) / sigma(refined, "a"),
                (c.contraction - film.contraction_along_normal) / sigma(refined, "contraction"),
                (c.incidence[0] - np.radians(angle)) / sigma(refined, "incidence 0"),
            ])  # fmt: skip
    table = np.array(pulls)
    cells = [f"{np.sqrt(np.mean(np.square(p))):.2f} ({p.mean():+.2f})" for p in table.T]
    return f"| {case.name} | {len(table)} | {' | '.join(cells)} |"


def beside_pyfai() -> None:
    """Our map of q over the pixels of a tilted detector and pyFAI's fibre units: how far apart, and seconds."""
    from pyFAI import units
    from pyFAI.integrator.fiber import FiberIntegrator

    with tempfile.TemporaryDirectory() as folder:
        made = simulate_film(TILTED_CASE.experiment(1), folder)
        inputs = read_inputs([made.image], made.geometry, FilmOptions((0.31,), 10.0))
        fibre = FiberIntegrator.sload(str(made.geometry))
    rows, columns = inputs.plane.shape
    incidence = Incidence(np.radians(0.31), draw_film(TILTED_CASE.experiment(1)).incidence.film)
    started = time.process_time()
    pixels = np.mgrid[:rows, :columns]
    parallel, exit_sine = film_coordinates(inputs.plane, incidence, pixels[0], pixels[1])
    vacuum = inputs.plane.wavenumber * (exit_sine + np.sin(incidence.angle))
    along = q_along_normal(exit_sine, wavenumber=inputs.plane.wavenumber, incidence=incidence, reflected=False)
    ours = time.process_time() - started
    started = time.process_time()
    given = {"incident_angle": incidence.angle, "tilt_angle": 0.0, "sample_orientation": ORIENTATION}
    in_plane, out_of_plane = (
        fibre.array_from_unit(
            shape=(rows, columns), typ="center", unit=units.get_unit_fiber(name, **given), scale=False
        )
        for name in ("qip_nm^-1", "qoop_nm^-1")
    )
    theirs = time.process_time() - started
    above = exit_sine > 1e-3
    print("| map of q, Pilatus 2M, tilted | electrosaxs | pyFAI | largest difference (1/nm) |\n|---|---|---|---|")
    print(f"| seconds of CPU for both parts | {ours:.2f} | {theirs:.2f} | |")
    print(f"| q along the surface | | | {np.abs(np.abs(parallel) - np.abs(in_plane))[above].max():.2g} |")
    print(f"| q along the normal, outside the film | | | {np.abs(vacuum - out_of_plane)[above].max():.2g} |")
    print(f"| q along the normal, inside (pyFAI has none) | | | {np.abs(along - out_of_plane)[above].max():.2g} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--films", nargs="*", default=[], metavar="WORD", help="only films with one of these words in their name"
    )
    parser.add_argument("--seeds", type=int, default=0, help="frames of each film, for pulls")
    parser.add_argument("--peers", action="store_true", help="maps of q beside pyFAI's")
    given = parser.parse_args()
    if given.peers:
        return beside_pyfai()
    chosen = [c for c in (*CASES, *NO_LATTICE) if not given.films or any(w in c.name for w in given.films)]
    if given.seeds:
        print("| film | frames | a: rms (mean) of pulls | strain | angle |\n|---|---|---|---|---|")
        for case in chosen:
            print(pulls_of(case, given.seeds), flush=True)
        return
    print("| film | found | right | a, % | strain | angle, deg | visible found, % | indexed real, % | spots | CPU s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for case in chosen:
        print(row_of(case), flush=True)


if __name__ == "__main__":
    main()
