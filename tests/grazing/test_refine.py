"""Constants from places: right, with true sigmas, and honest about what places cannot tell."""

from dataclasses import replace

import numpy as np
import pytest
from closeness import assert_close
from film_planes import plane

from electrosaxs.grazing.expected import Setup, incidence_of, places
from electrosaxs.grazing.intensities import fit_envelope, log_spheres
from electrosaxs.grazing.refine import Matched, Prior, refine
from electrosaxs.grazing.rendered_spots import drawn_shifts
from electrosaxs.grazing.shifts import corrected_places
from electrosaxs.grazing.widths import spot_widths
from electrosaxs.nouns.film import FilmConstants, Spot
from electrosaxs.physics.film_reflections import film_reflections
from electrosaxs.physics.refraction import FilmMedium, Index, material_index, superlattice_index, superlattice_medium

TRUE = FilmConstants(13.2, 0.03, (np.radians(0.31),), np.radians(0.22), column_shift=0.4, turn=1e-3)
HELD = {"row_shift": "the geometry's"}
NARROW = 1e-6  # pixels^2: spots without width need no correction


def measured(sigma: float, seed: int) -> tuple[Setup, Matched]:
    setup = Setup(plane(), FilmMedium(Index(7e-6, 1e-8), 0.0), material_index("Si", 2.33, 10.0), 5e4, 5.0)
    rings = film_reflections("FCC", (1, 1, 1), 5.0)
    use = (rings.parallel > 0.1) & (rings.normal > 0.8)
    parallel = np.concatenate([rings.parallel[use], -rings.parallel[use]])
    normal = np.tile(rings.normal[use], 2)
    row, column = places(setup, TRUE, 0, parallel, normal, False)
    noise = np.random.default_rng(seed).normal(0.0, sigma, (2, row.size))
    spots = [
        Spot(0, r, c, sigma**2 * np.eye(2), NARROW * np.eye(2), 1e4, 1e2, 1.0, 1.0, 1.0, (0.0, 0.0), 0.01)
        for r, c in zip(row + noise[0], column + noise[1], strict=True)
    ]
    return setup, Matched(spots, parallel, normal, np.zeros(row.size, dtype=bool))


def priors(stated_deg: float) -> dict[str, Prior]:
    return {
        "incidence 0": Prior(np.radians(stated_deg), np.radians(0.02)),
        "critical": Prior(np.radians(0.24), np.radians(0.03)),
        "column_shift": Prior(0.0, 3.0),
        "turn": Prior(0.0, 5e-3),
    }


def start(stated_deg: float) -> FilmConstants:
    return FilmConstants(13.3, 0.02, (np.radians(stated_deg),), np.radians(0.24))


def test_constants_come_back_where_the_stated_angle_is_off():
    setup, pairs = measured(0.05, seed=1)
    found = refine(setup, start(0.327), pairs, priors(0.327), held=HELD, envelope=None)
    assert_close(found.constants.a, TRUE.a, rel=1e-4)
    assert_close(found.constants.contraction, TRUE.contraction, rel=0.0, floor=1e-3)
    assert_close(np.degrees(found.constants.incidence[0]), 0.31, rel=0.0, floor=0.01)


def test_pulls_are_one():
    names = ("a", "contraction", "column_shift", "turn")
    pulls = []
    for seed in range(14):
        setup, pairs = measured(0.2, seed)
        stated = 0.31 + 0.02 * float(np.random.default_rng(100 + seed).normal())
        found = refine(setup, start(stated), pairs, priors(stated), held=HELD, envelope=None)
        pulls.append([(getattr(found.constants, n) - getattr(TRUE, n)) / found.sigma(n) for n in names])
    assert 0.8 < np.sqrt(np.mean(np.square(pulls))) < 1.2


def test_what_is_held_has_no_sigma_and_says_why():
    setup, pairs = measured(0.05, seed=2)
    held = {**HELD, "incidence": "as asked", "critical": "as given"}
    found = refine(setup, TRUE, pairs, priors(0.31), held=held, envelope=None)
    assert found.sigma("incidence 0") is None
    assert found.sigma("critical") is None
    assert found.constants.incidence == TRUE.incidence
    assert set(found.held) == {"row_shift", "incidence", "critical"}


def test_spots_that_scatter_more_than_they_say_widen_every_sigma():
    setup, pairs = measured(0.05, seed=3)
    noisy = np.random.default_rng(9).normal(0.0, 0.8, (len(pairs.spots), 2))
    moved = [
        Spot(**{**vars(s), "row": s.row + dy, "column": s.column + dx})
        for s, (dy, dx) in zip(pairs.spots, noisy, strict=True)
    ]
    calm = refine(setup, TRUE, pairs, priors(0.31), held=HELD, envelope=None)
    wild = refine(setup, TRUE, Matched(moved, *list(vars(pairs).values())[1:]), priors(0.31), held=HELD, envelope=None)
    assert wild.sigma("a") > 6.0 * calm.sigma("a")
    assert 0.5 < wild.scatter < 1.2


def test_spheres_and_displacement_are_read_from_intensities():
    q = np.linspace(0.7, 3.5, 40)
    logs = 5.0 + log_spheres(q, 7.1, 0.08) - 0.09 * q**2
    envelope = fit_envelope(q, logs, neighbour_nm=9.33)
    assert_close(envelope.diameter, 7.1, rel=0.02)
    assert_close(envelope.square, 0.09, rel=0.2)


@pytest.mark.parametrize(("taken_off", "left"), [(0.0, 1.0), (0.01, 0.0)])
def test_a_long_sample_draws_spots_out_away_from_the_direct_beam(taken_off: float, left: float):
    setup, pairs = measured(0.05, seed=1)
    row, column = (float(x[0]) for x in setup.plane.pixel(np.array([[1.0, 0.0, 0.0]])))
    distance = 0.9
    drawn_out = []
    for spot in pairs.spots:
        away = 0.01 / distance * np.array([spot.row - row, spot.column - column])
        drawn_out.append(replace(spot, shape=np.eye(2) / 12.0 + np.outer(away, away) / 12.0))
    of_long_sample = replace(pairs, spots=drawn_out)
    widths = spot_widths(of_long_sample, setup.plane, [incidence_of(TRUE, 0, setup.film)], taken_off)
    whole = np.square(0.01 / distance * widths.q) / 12.0
    assert np.abs(widths.radial - left * whole).max() < 0.1 * whole.max()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_which_share_of_the_computed_shifts_there_is_is_asked_of_the_spots(share: float):
    setup, pairs = measured(0.02, seed=4)
    wide = [replace(spot, shape=np.diag([30.0, 30.0])) for spot in pairs.spots]
    lie = corrected_places(setup, TRUE, wide, pairs.reflected, None)
    placed = [
        replace(spot, row=spot.row + f[0] + share * s[0], column=spot.column + f[1] + share * s[1])
        for spot, s, f in zip(wide, lie.shift, lie.by_field, strict=True)
    ]
    found = refine(setup, TRUE, replace(pairs, spots=placed), priors(0.31), held=HELD, envelope=None)
    assert np.abs(lie.shift).max() > 0.15
    assert abs(found.constants.spot_shift - share) < 0.25
    assert_close(found.constants.a, TRUE.a, rel=1e-4)


def wide_spots(pairs: Matched, place: np.ndarray, moved_by: np.ndarray, width: float) -> Matched:
    """The same spots, wide, moved off places (n, 2); the noise of their middles stays."""
    off = np.array([(s.row, s.column) for s in pairs.spots]) - place
    spots = [
        replace(s, row=float(at[0]), column=float(at[1]), shape=width**2 * np.eye(2))
        for s, at in zip(pairs.spots, place + moved_by + off, strict=True)
    ]
    return replace(pairs, spots=spots)


def drawn_off(setup: Setup, pairs: Matched, width: float, share: float = 1.0) -> Matched:
    """The same spots, wide, as far off their reflections as their drawing says, by the waves' field by a share of that."""
    place = np.stack(places(setup, TRUE, 0, pairs.parallel, pairs.normal, pairs.reflected), axis=1)
    wide = wide_spots(pairs, place, np.zeros(2), width)
    shift, by_field = drawn_shifts(setup, TRUE, 0, wide.spots, place, pairs.reflected, None)
    return wide_spots(pairs, place, shift + share * by_field, width)


def test_wide_spots_scatter_as_their_fits_say():
    found = []
    for seed in range(8):
        setup, pairs = measured(0.05, seed)
        high = np.flatnonzero(pairs.normal > 1.9)
        kept = Matched([pairs.spots[i] for i in high], pairs.parallel[high], pairs.normal[high], pairs.reflected[high])
        placed = drawn_off(setup, kept, 6.0)
        found.append(refine(setup, TRUE, placed, priors(0.31), held=HELD, envelope=None, drawn=True).reduced)
    assert 0.55 < np.mean(found) < 1.2


def near_the_critical_angle() -> tuple[Setup, Matched]:
    """Spots of two sides in rows that leave the film under 1.3 to 6 critical angles."""
    setup, pairs = measured(0.01, seed=5)
    across, leaving = np.meshgrid(np.linspace(1.2, 4.0, 6), TRUE.critical * np.array([1.3, 1.5, 1.8, 2.5, 4.0, 6.0]))
    inside = np.sqrt(np.square(leaving.ravel()) - TRUE.critical**2) + np.sqrt(TRUE.incidence[0] ** 2 - TRUE.critical**2)
    normal = np.tile(inside * setup.plane.wavenumber * TRUE.a * (1.0 - TRUE.contraction) / (2.0 * np.pi), 2)
    parallel = np.concatenate([across.ravel(), -across.ravel()])
    row, column = places(setup, TRUE, 0, parallel, normal, False)
    noise = np.random.default_rng(6).normal(0.0, 0.01, (row.size, 2))
    spots = [replace(pairs.spots[0], row=r + n[0], column=c + n[1]) for r, c, n in zip(row, column, noise, strict=True)]
    return setup, Matched(spots, parallel, normal, np.zeros(row.size, dtype=bool))


@pytest.mark.parametrize("share", [0.4, 1.6])
def test_which_share_of_the_shifts_by_the_waves_field_there_is_is_asked_of_the_spots(share: float):
    setup, pairs = near_the_critical_angle()
    placed = drawn_off(setup, pairs, 3.0, share)
    found = refine(setup, TRUE, placed, priors(0.31), held=HELD, envelope=None, drawn=True)
    assert abs(found.constants.field_shift - share) < 2.0 * (found.sigma("field_shift") or 0.0) < 0.5
    for name in ("a", "contraction", "critical"):
        assert abs(getattr(found.constants, name) - getattr(TRUE, name)) < 3.0 * (found.sigma(name) or 0.0)


def test_a_film_of_another_critical_angle_absorbs_as_its_composition_would():
    half, other = (superlattice_index("Fe3O4", "1-dodecanethiol", core_share=x, energy_keV=10.0) for x in (0.3, 0.45))
    medium = superlattice_medium("Fe3O4", "1-dodecanethiol", core_share=0.3, energy_keV=10.0)
    assert_close(medium.at(half.critical_angle).beta, half.beta, rel=1e-9)
    assert_close(medium.at(other.critical_angle).beta, other.beta, rel=1e-9)
    assert medium.at(1e-4).beta >= 0.0


def test_a_distortion_that_neighbours_share_widens_sigmas_and_the_same_scatter_without_order_does_not():
    setup, pairs = measured(0.05, seed=3)
    off = np.array([2.0 * np.sin(spot.column / 100.0) for spot in pairs.spots])

    def sigma(rows: np.ndarray) -> float:
        moved = [replace(spot, row=spot.row + float(r)) for spot, r in zip(pairs.spots, rows, strict=True)]
        found = refine(setup, start(0.31), replace(pairs, spots=moved), priors(0.31), held=HELD, envelope=None)
        assert found.scatter > 0.15
        return float(found.sigma("a") or 0.0) / found.scatter

    assert sigma(off) > 1.2 * sigma(np.random.default_rng(1).permutation(off))


def test_a_film_that_hardly_refracts_keeps_a_sigma_of_its_critical_angle():
    setup, pairs = measured(0.05, seed=4)
    light = replace(TRUE, critical=np.radians(0.01))
    row, column = places(setup, light, 0, pairs.parallel, pairs.normal, pairs.reflected)
    spots = [replace(s, row=float(r), column=float(c)) for s, r, c in zip(pairs.spots, row, column, strict=True)]
    wide = {**priors(0.31), "critical": Prior(np.radians(0.1), np.radians(0.05))}
    found = refine(setup, start(0.31), replace(pairs, spots=spots), wide, held=HELD, envelope=None)
    sigma = found.sigma("critical")
    assert sigma is not None
    assert abs(found.constants.critical - light.critical) < 3.0 * sigma
    assert np.radians(0.001) < sigma < np.radians(0.02)


def test_spots_are_drawn_by_the_mean_over_likely_sizes():
    """Not by the one size that fits the noise of few intensities best: beside its zero it is steeper than anybody knows."""
    rng = np.random.default_rng(3)
    q = rng.uniform(0.6, 2.5, 12)
    envelope = fit_envelope(q, log_spheres(q, 7.1, 0.07) + rng.normal(0.0, 0.4, 12), neighbour_nm=9.33)
    at = np.linspace(1.0, 1.6, 61)
    mean = sum(w * (log_spheres(at, d, s) - u2 * at**2) for w, d, s, u2 in envelope.likely)
    assert len(envelope.likely) > 3
    assert_close(sum(w for w, *_ in envelope.likely), 1.0, rel=1e-9)
    assert_close(envelope.leaning(at), mean, rel=1e-9)
    assert np.abs(np.diff(envelope.leaning(at))).max() < 0.8 * np.abs(np.diff(envelope.log(at))).max()
    alone = replace(envelope, likely=())
    assert_close(np.diff(alone.leaning(at)), np.diff(envelope.log(at)), rel=1e-6, floor=1e-9)
