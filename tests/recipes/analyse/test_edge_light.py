"""Frames of the knife edge hold one solution: they tell a diode that is not linear, and an image that holds some of another."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from recipes.analyse.reduced_runs import reduced_run
from scipy.special import ndtr

from electrosaxs.analysis.concentration.edge_light import EdgeLight, edge_light
from electrosaxs.nouns.contributions import AFTERGLOW, DIODE
from electrosaxs.recipes.analyse.diode_noise import doubts_of_the_diode
from electrosaxs.recipes.analyse.edge_light import of_diode_and_detector, with_edge_light
from electrosaxs.recipes.live.provisional import SomeFrames
from electrosaxs.reduction.stream import ReducedFrame

X = np.linspace(-3.2, 3.2, 15)
OPENED, COUNTS, NOISE = 0.6, 5e7, 2e-4


def told(
    *, seed: int = 1, bend: float = 0.0, held: float = 0.0, edge: float = 0.0, down: bool = False, dark: float = 0.0
) -> EdgeLight:
    """Of a knife edge that is seen after a bright frame; `edge` of the beam is scattered by the metal."""
    random = np.random.default_rng(seed)
    x = X[::-1] if down else X
    light = ndtr(x)
    expected = COUNTS * (light + edge * np.exp(-0.5 * x**2)) + dark
    images, last = [], float(random.poisson(COUNTS))
    before = []
    for mean in expected:
        before.append(last)
        last = float(random.poisson(mean)) + held * last
        images.append(last)
    read = OPENED * light * (1.0 + bend * (1.0 - light)) * (1.0 + NOISE * random.standard_normal(x.size))
    counts = np.array(images)
    found = edge_light(read, counts, np.sqrt(counts), light, np.array(before), np.ones(x.size))
    assert found is not None
    return found


def test_a_sound_diode_and_detector_are_no_fault() -> None:
    found = [told(seed=seed, down=seed % 2 == 1, dark=30.0) for seed in range(200)]
    assert not any(one.words for one in found)
    pulls = np.array([[one.bend / one.bend_sigma, one.held / one.held_sigma] for one in found])
    assert np.all(np.abs(np.sqrt(np.mean(np.square(pulls), axis=0)) - 1.1) < 0.3)


@pytest.mark.parametrize("bend", [0.003, -0.02])
def test_a_diode_that_is_not_linear_is_told_with_its_size(bend: float) -> None:
    found = told(bend=bend)
    assert found.bends
    assert not found.holds
    assert found.bend == pytest.approx(bend, rel=0.15)
    assert ("too much" if bend > 0.0 else "too little") in found.words[0]


@pytest.mark.parametrize(("held", "down"), [(0.0005, False), (0.003, False), (0.03, False), (0.03, True)])
def test_an_image_that_holds_some_of_the_last_is_told_with_its_share(held: float, down: bool) -> None:
    found = told(held=held, down=down)
    assert found.holds
    assert found.held == pytest.approx(held, abs=5.0 * found.held_sigma)
    assert found.held_sigma < 0.2 * held


def test_what_the_edge_scatters_is_neither() -> None:
    for seed in range(20):
        assert not told(seed=seed, edge=0.02).words


def measured(found: EdgeLight | None) -> SimpleNamespace:
    run = reduced_run(["reference", "alignment", "sample", "sample", "sample"])
    table = replace(run.table, transmission=np.array([0.4, 0.4, 0.4, 0.1, 0.5]))
    run = replace(run, table=table, edge_light=found)
    voxels = SimpleNamespace(frame=np.array([2, 3, 4]), values={"phi": np.array([8e-4, 4e-3, 1e-5])})
    return SimpleNamespace(reduced=run, voxels=voxels, grid=SimpleNamespace(to_map=lambda values: values[None]))


def test_phi_has_it_in_its_sigma() -> None:
    assert of_diode_and_detector(measured(None)) == {}  # type: ignore[arg-type]
    parts = of_diode_and_detector(measured(EdgeLight(0.01, 1e-4, 0.002, 1e-5)))  # type: ignore[arg-type]
    assert np.allclose(parts[DIODE], [[0.0, 0.0075, 0.0025]])
    # phi of the frame before by its light over this one's: 8e-4 of 0.4, 8e-4 of 0.4, 4e-3 of 0.1
    assert np.allclose(parts[AFTERGLOW], 0.002 * np.array([[1.0, 0.8, 80.0]]))


def test_the_height_of_the_anode_is_doubtful_where_the_diode_bends() -> None:
    only = measured(EdgeLight(0.01, 1e-4, 0.0, 1e-5))
    only.reduced = replace(only.reduced, diode=SimpleNamespace(sigma=1e-6))
    (doubt,) = doubts_of_the_diode(only)  # type: ignore[arg-type]
    assert doubt.names == {"anode_height"}


def test_a_run_without_a_knife_edge_tells_nothing() -> None:
    run = reduced_run(["reference", "sample", "sample"])
    assert with_edge_light(run) is run


@pytest.mark.parametrize(("dead_time", "pixels"), [(2e3, 2e4), (None, 2e4), (1.92e3, 1e3), (None, 1e3)])
def test_pixels_that_miss_counts_are_no_diode_where_their_dead_time_is_known(
    dead_time: float | None, pixels: float
) -> None:
    # known to a twentieth: where a tenth of the counts is missed, as good as 0.4 % of what the diode reads
    random = np.random.default_rng(3)
    light = ndtr(X)
    exposure = 1.0
    rate = COUNTS * light / pixels
    seen = rate * np.exp(-rate * 2e-6 / exposure)  # of one pixel
    counts = np.concatenate([[seen[-1]], seen]) * pixels
    run = reduced_run(["reference"] + ["alignment"] * X.size)
    read = OPENED * light * (1.0 + NOISE * random.standard_normal(X.size))
    table = replace(
        run.table, height=np.concatenate([[500.0], X * 34.0 / 2.3548]), transmission=np.concatenate([[OPENED], read])
    )
    detector = run.run.detector.model_copy(update={"dead_time_ns": dead_time})
    frames = [ReducedFrame(i, np.full(2, 0.5 * one), np.full(2, 0.5 * pixels)) for i, one in enumerate(counts)]
    run = replace(run, table=table, store=SomeFrames(frames), run=run.run.model_copy(update={"detector": detector}))
    found = with_edge_light(run)
    assert (found.edge_light is None) == (dead_time is not None)
    if dead_time is None:
        assert "or bright pixels miss" in found.notes[-1]
