"""Pulls of a film's constants over many frames, at a tenth of the cost of whole analyses.

    python benchmarks/film_pulls.py [--films WORD ...] [--seeds 30]

Each film of `gisaxs.py` is drawn and analysed once. Every further frame is a new draw of the same expected counts, with another
stated angle of incidence; only what the pulls need is done again: the spots are fitted at the places known from the first
frame, and the constants refined. Beside the pulls stand the scatter of the spots' centres over what their fits say (medians
of both directions), chi-squared per degree of freedom, and CPU seconds per frame.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace

import numpy as np
from gisaxs import CASES, STATED_OFF_DEG, STATED_SIGMA_DEG, Case, Looked, look

from electrosaxs.grazing.candidates import Start
from electrosaxs.grazing.expected import incidence_of
from electrosaxs.grazing.indexing import ImageView, Indexed, other_side, try_start, within_stated
from electrosaxs.grazing.refine import Prior
from electrosaxs.grazing.spot_search import Candidate
from electrosaxs.grazing.spots import spots_at
from electrosaxs.grazing.surroundings import surroundings
from electrosaxs.nouns.film import Spot

NEAR = 1.001, 0.001  # factor of a and contraction from which refinements start
LEAST_FRAMES = 0.5  # of the frames must show a spot for its scatter to count


@dataclass(frozen=True)
class Frame:
    """The spots of one frame that take part, and the constants that they gave."""

    spots: list[Spot]
    indexed: Indexed


def frames(case: Case, first: Looked, seeds: int) -> list[Frame]:
    """New draws of the first frame's expected counts, spots fitted at its places, constants refined."""
    study, made = first.study, []
    assert study.indexed is not None
    image, view = study.prepared[0], surroundings(study.prepared[0], study.setup.plane)
    places = [
        Candidate(s.row, s.column, float(np.sqrt(np.linalg.eigvalsh(s.shape)).mean()), s.signal_to_noise)
        for s in study.spots
    ]
    start = Start(
        study.indexed.orientation, NEAR[0] * case.film.lattice_constant_nm, case.film.contraction_along_normal + NEAR[1], 0.0
    )  # fmt: skip
    for seed in range(1, seeds + 1):
        random = np.random.default_rng([seed, 5])
        stated = float(np.radians(case.beam.incident_angle_deg + STATED_SIGMA_DEG * random.normal()))
        drawn = replace(image, values=random.poisson(first.frame.expected).astype(np.float64))
        constants = replace(study.start, incidence=(stated,))
        found = spots_at(places, drawn, study.setup.plane, incidence_of(constants, 0, study.setup.film))
        usable = [spot for spot in found if not spot.excluded]
        priors = {**study.priors, "incidence 0": Prior(stated, float(np.radians(STATED_SIGMA_DEG)))}
        held = study.indexed.refined.held
        indexed = try_start(start, [ImageView(usable, view)], study.setup, constants, priors, held)
        if indexed is not None:
            views = [ImageView(usable, view)]
            found_by = views, study.setup, constants, priors, held
            made.append(Frame(usable, within_stated(other_side(indexed, *found_by), *found_by)))
    return made


def pulls(case: Case, first: Looked, made: list[Frame]) -> np.ndarray:
    """(frame, 4): a, contraction, angle of incidence, critical angle, found minus true over sigma."""
    true = (
        case.film.lattice_constant_nm, case.film.contraction_along_normal, np.radians(case.beam.incident_angle_deg),
        first.frame.incidence.film.critical_angle,
    )  # fmt: skip
    rows = []
    for frame in made:
        refined, c = frame.indexed.refined, frame.indexed.refined.constants
        sigma = [refined.sigma(name) for name in ("a", "contraction", "incidence 0", "critical")]
        rows.append((np.array([c.a, c.contraction, c.incidence[0], c.critical]) - true) / np.array(sigma))
    return np.array(rows)


def scatter_of_centres(made: list[Frame]) -> float:
    """Standard deviation of the centres of each spot over its stated sigma, median of all spots and both directions."""
    by_spot: dict[tuple[object, ...], list[tuple[float, ...]]] = {}
    for frame in made:
        expected = frame.indexed.expected[0]
        for spot, k in zip(frame.spots, frame.indexed.found[0], strict=True):
            if k >= 0:
                key = tuple(expected.hkl[k]), bool(expected.reflected[k]), bool(expected.parallel[k] > 0.0)
                by_spot.setdefault(key, []).append((spot.row, spot.column, *np.sqrt(np.diag(spot.covariance))))
    seen = [np.array(rows) for rows in by_spot.values() if len(rows) > max(2, LEAST_FRAMES * len(made))]
    return float(np.median([rows[:, :2].std(axis=0, ddof=1) / rows[:, 2:].mean(axis=0) for rows in seen]))


def row_of(case: Case, seeds: int) -> str:
    """One film in one line of a Markdown table."""
    first = look(case, 1, case.beam.incident_angle_deg + STATED_OFF_DEG)
    started = time.process_time()
    made = frames(case, first, seeds)
    seconds = (time.process_time() - started) / seeds
    table, reduced = pulls(case, first, made), np.mean([frame.indexed.refined.reduced for frame in made])
    cells = [f"{np.sqrt(np.mean(np.square(p))):.2f} ({p.mean():+.2f})" for p in table.T]
    of_spots = f"{scatter_of_centres(made):.2f} | {reduced:.2f}"
    return f"| {case.name} | {len(made)} | {' | '.join(cells)} | {of_spots} | {seconds:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", nargs="*", default=[], metavar="WORD", help="only films with one of these words")
    parser.add_argument("--seeds", type=int, default=30, help="frames of each film")
    given = parser.parse_args()
    print(
        "| film | frames | a: rms (mean) of pulls | strain | angle | critical angle | centres | chi-squared | CPU s |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for case in CASES:
        if not given.films or any(word in case.name for word in given.films):
            print(row_of(case, given.seeds), flush=True)


if __name__ == "__main__":
    main()
