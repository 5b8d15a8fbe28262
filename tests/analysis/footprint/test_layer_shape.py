"""A layer that is nearly known bends across beams as it does in truth; where it is not the one that is there, sigma says so."""

from dataclasses import replace

import numpy as np
import pytest

from electrosaxs.analysis.footprint import correction, unfolding
from electrosaxs.analysis.footprint.beam_profile import BeamView
from electrosaxs.analysis.footprint.correction import FootprintCorrection, footprint_correction
from electrosaxs.analysis.footprint.layer_shape import LayerShape
from electrosaxs.nouns import FloatArray
from electrosaxs.physics.beam import open_nodes
from electrosaxs.physics.one_wall import above_a_wall

START, DENSE, GAP_UM, FWHM_UM = 8e-4, 2600.0, 3000.0, 34.0
HEIGHTS = np.array([0.0, 45.0, 95.0, 150.0, 240.0, 480.0, 1500.0, 2920.0])
TIME = np.array([14.0, 160.0, 310.0, 460.0])[:, None] + 13.0 * np.arange(HEIGHTS.size)
VIEW = BeamView.of(HEIGHTS, FWHM_UM, GAP_UM)


def cell(z_um: FloatArray, time_s: FloatArray, speed: float = 1.1e-6, diffusion: float = 6e-11) -> FloatArray:
    """phi over the start between anode and cathode (m/s, m2/s)."""
    far = above_a_wall(1e-6 * (GAP_UM - z_um), time_s, -speed, diffusion)
    return np.asarray(above_a_wall(1e-6 * z_um, time_s, speed, diffusion) + far - 1.0)


def shown_and_mean(dense: float, speed: float = 1.1e-6, diffusion: float = 6e-11) -> tuple[FloatArray, FloatArray]:
    z, weight = open_nodes(HEIGHTS, FWHM_UM, gap=GAP_UM, nodes=300, reach=7.0)
    inside = START * cell(z, TIME[..., None], speed, diffusion)
    light = weight * np.exp(-dense * inside)
    return np.sum(light * inside, axis=-1) / np.sum(light, axis=-1), np.sum(weight * inside, axis=-1)


def corrected(
    shown: FloatArray, dense: float, noise: float | FloatArray, known: LayerShape | None
) -> FootprintCorrection:
    return footprint_correction(
        shown, VIEW, time_s=TIME, attenuation=np.array(dense), start=START, relative=np.broadcast_to(noise, TIME.shape),
        layer=known,
    )  # fmt: skip


def known(speed: float, diffusion: float) -> LayerShape:
    return LayerShape.of(
        lambda z, t: cell(z, t, speed, diffusion), VIEW, time_s=TIME, told=np.ones(TIME.shape, dtype=bool), start=START
    )


def test_the_bend_that_no_height_beside_shows_is_the_known_layers() -> None:
    """Fourteen seconds after the field came on at the anode, and below the cathode, with a speed 3 and a diffusion 4 % off."""
    shown, mean = shown_and_mean(DENSE)
    plain, better = (corrected(shown, DENSE, 3e-4, one) for one in (None, known(1.133e-6, 5.76e-11)))
    off, left = (one.factor * shown / mean - 1.0 for one in (plain, better))
    for place in ((0, 0), (0, -1)):
        assert abs(left[place]) < 0.35 * abs(off[place]), place
        assert abs(off[place]) > 5e-3
    assert np.max(np.abs(left) / np.hypot(better.sigma / better.factor, 3e-4)) < 4.0
    assert better.sigma[0, -1] < 0.2 * plain.sigma[0, -1]


def test_a_layer_that_is_not_there_is_not_taken_for_the_profile() -> None:
    """Nothing has moved, or more than twice as much as is said to: heights without others near know no better than that."""
    shown, mean = shown_and_mean(DENSE)
    for other in (known(1e-9, 6e-11), known(2.4e-6, 2e-10)):
        found = corrected(shown, DENSE, 3e-4, other)
        off = found.factor * shown / mean - 1.0
        assert np.max(np.abs(off)[:, -1] / np.hypot(found.sigma / found.factor, 3e-4)[:, -1]) < 4.0
    missed = known(1e-9, 6e-11).misses(shown)
    assert np.all(missed[:, [0, 1, -1]] == 1.0)
    assert np.max(known(1.1e-6, 6e-11).misses(shown)[0, [0, 1, -1]]) < 0.1


def test_below_the_cathode_the_layer_holds_beside_crystals_at_the_anode() -> None:
    """From the third scan on phi within 300 um of the anode is a third of what the layer would be: crystals take the rest."""
    shown, mean = shown_and_mean(DENSE)
    near = (TIME > 300.0) & (HEIGHTS < 300.0)
    held = replace(known(1.1e-6, 6e-11), told=np.repeat(~near.any(axis=1)[:, None], HEIGHTS.size, axis=1))
    found = corrected(np.where(near, shown / 3.0, shown), DENSE, 3e-4, held)
    assert np.max(np.abs(found.factor * shown / mean - 1.0)[:, -1]) < 5e-4
    told = held.that_explains(np.where(near, shown / 3.0, shown), HEIGHTS > 1500.0).told
    assert told.tolist() == [[True] * 8] * 2 + [[False] * 7 + [True]] * 2


def test_of_two_profiles_that_explain_a_dark_frame_the_right_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """36 times the start at the anode, 10 times at 45 um: half of it at the anode shows nearly as much there."""
    dense = 400.0
    shown, mean = shown_and_mean(dense, 3e-6, 7.5e-11)
    noise = np.tile(np.where(HEIGHTS > 0.0, 1e-3, 1e-2), (4, 1))
    noisy = shown * (1.0 + noise * np.random.default_rng(3).standard_normal(noise.shape))
    worst = []
    for near in (False, True):
        if near:
            monkeypatch.setattr(correction, "unfold_far", unfolding.unfold)
        found = corrected(noisy, dense, noise, None)
        sigma = np.hypot(found.sigma / found.factor, found.counting_sigma(noise))
        worst.append(float(np.max(np.abs(np.log(found.factor * noisy / mean) / sigma)[:, :3])))
    assert worst[0] < 4.5
    assert worst[1] > 10.0


def test_what_splines_lacked_before_crystals_they_lack_beside_them() -> None:
    """Crystals hide the anode in the last scan, and the layer goes on: half of what splines lacked before is mended, and sigma
    holds the rest."""
    dense = 1200.0
    shown, mean = shown_and_mean(dense)
    crystals = np.zeros(TIME.shape, dtype=bool)
    crystals[3:, 0] = True
    held = replace(known(1.1e-6, 6e-11), told=np.repeat(~crystals.any(axis=1)[:, None], HEIGHTS.size, axis=1))
    plain, better = (
        footprint_correction(
            shown, VIEW, time_s=TIME, attenuation=np.array(dense), start=START, sees_crystals=crystals,
            relative=np.full(TIME.shape, 3e-4), layer=layer,
        )
        for layer in (None, held)
    )  # fmt: skip
    off, left = (one.factor * shown / mean - 1.0 for one in (plain, better))
    assert np.linalg.norm(left[3, :2]) < 0.7 * np.linalg.norm(off[3, :2])
    assert np.all(np.abs(left[3]) < 3.0 * np.hypot(better.sigma, 3e-4)[3])
    assert better.response[3, 0, 2] == pytest.approx(plain.response[3, 0, 2], rel=0.02)
