"""Images that belong to other rows of the frame table are told by the transmissions of these."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from recipes.analyse.reduced_runs import reduced_run

from electrosaxs.recipes.analyse.attenuation import attenuation_of
from electrosaxs.recipes.analyse.other_rows import other_rows

SHELL_RATIO = 2.27
SCANS, HEIGHTS = 5, np.array([0.0, 100.0, 200.0, 500.0, 1500.0])
STILL = ["solvent"] * 4 + ["reference"] * 4
ROLES = STILL + ["sample"] * SCANS * HEIGHTS.size
PHI = 8e-4 * (1.0 + np.outer(np.arange(1.0, SCANS + 1.0), 2.0 * np.exp(-HEIGHTS / 150.0))).ravel()


def told_of(
    image: np.ndarray, *, light: np.ndarray | None = None, noise: float = 3e-3, seed: int = 0, phi0: float = 8e-4
):
    """Of a run whose row i has the image of row image[i] and the transmission of row light[i], both of the samples' rows."""
    random = np.random.default_rng(seed)
    run = reduced_run(ROLES, counts=np.ones((len(ROLES), 2)), volume_fraction=phi0)
    phi = PHI * phi0 / 8e-4
    depth = phi * float(attenuation_of(np.array(1.0 / SHELL_RATIO), run.run))
    start = phi0 * depth[0] / phi[0]
    through = 0.4 * np.exp(-np.concatenate([np.zeros(4), np.full(4, start), depth]))
    through *= 1.0 + 1e-4 * random.standard_normal(through.size)
    rows = np.arange(PHI.size) if light is None else light
    reading = np.concatenate([through[:8], through[8:][rows]])
    table = replace(run.table, transmission=reading)
    frames = np.arange(len(STILL), len(ROLES))
    seen = phi[image] * through[8:][image] / reading[8:] * (1.0 + noise * random.standard_normal(PHI.size))
    return SimpleNamespace(
        reduced=replace(run, table=table),
        standard=SimpleNamespace(reference_volume=SimpleNamespace(shell_ratio=[SHELL_RATIO])),
        voxels=SimpleNamespace(frame=frames, values={"phi": seen}, flags=((),) * frames.size),
        height_um=np.tile(HEIGHTS, SCANS),
    )


ROW = np.arange(PHI.size)
FROM = 8
AFTER = FROM + len(STILL)


@pytest.mark.parametrize("shift", [1, -1, 2, -2])
def test_an_image_too_many_or_too_few_is_told_with_its_row(shift: int) -> None:
    image = np.where(ROW >= FROM, np.clip(ROW - shift, 0, ROW[-1]), ROW)
    found = other_rows(told_of(image))
    assert found is not None
    assert found.lag == shift
    assert abs(found.first - AFTER) <= 2  # rows beside it may say nothing
    assert ("image was lost" if shift < 0 else "came twice") in found.why


def test_transmissions_that_were_read_late_are_told_too() -> None:
    found = other_rows(told_of(ROW, light=np.maximum(ROW - 1, 0)))
    assert found is not None
    assert found.lag == -1
    assert "agree only if images are taken one row earlier" in found.words


def test_frames_in_their_rows_are_no_doubt_whatever_their_noise() -> None:
    for seed in range(5):
        for noise in (0.0, 3e-3, 0.05):
            assert other_rows(told_of(ROW, noise=noise, seed=seed)) is None
    some = ROW.copy()
    some[[7, 13, 18]] = [8, 12, 3]  # a few images in the wrong place are no shift
    assert other_rows(told_of(some)) is None
    assert other_rows(told_of(np.maximum(ROW - 1, 0), phi0=8e-6)) is None  # so little that nobody can say
