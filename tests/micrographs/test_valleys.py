"""Islands that touch along their sides, as in a dense layer: the lines between them tell them apart."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from electrosaxs.micrographs.contrast import contrast
from electrosaxs.micrographs.find import find_islands
from electrosaxs.micrographs.mask import island_mask, standing, usual_edge
from electrosaxs.micrographs.valleys import valleys
from electrosaxs.nouns import FloatArray
from electrosaxs.nouns.islands import Scale
from electrosaxs.physics.tetrahedron import depth

EDGE, ROWS = 44.0, 4


def strip(line: float, noise: float = 6.0) -> tuple[FloatArray, int]:
    """Rows of triangles, tip up and tip down in turns, side by side, on a substrate of 90; `line`: how much darker than their
    160 the boundary between two of them is. (image, number of triangles)."""
    height, image, number = EDGE * np.sqrt(3.0) / 2.0, np.full((320, 320), 90.0), 0
    grid = np.stack(np.meshgrid(np.arange(320.0), np.arange(320.0)), -1)
    for row in range(ROWS):
        y = 40.0 + row * (height + 26.0)
        for k in range(8):
            tip, centre = (30.0, y + height / 3.0) if k % 2 else (90.0, y + 2.0 * height / 3.0)
            x = 70.0 + 0.5 * (EDGE + 6.0) * k
            near = np.s_[max(0, int(centre) - 40) : int(centre) + 40, max(0, int(x) - 40) : int(x) + 40]
            image[near] = np.where(depth(grid[near], x, centre, EDGE, tip, 0.02) > -0.5, 160.0, image[near])
            number += 1
    between = ndimage.binary_closing(image > 100.0, iterations=3) & (image < 100.0)
    image = np.where(between, 160.0 - line, image)
    return ndimage.gaussian_filter(image, 1.0) + np.random.default_rng(4).normal(0.0, noise, image.shape), number


def test_islands_side_by_side_are_counted_by_the_lines_between_them() -> None:
    image, number = strip(line=35.0)
    view = find_islands(image[..., None], Scale(None, "none"))
    assert abs(view.expected_count - number) < 0.1 * number
    assert np.median([i.edge for i in view.found]) == pytest.approx(EDGE, rel=0.06)
    assert len({i.group for i in view.found}) == ROWS  # those of a row touch, whatever line parts them


def test_noise_makes_no_lines() -> None:
    image, _ = strip(line=0.0)
    seen = contrast(image[..., None])
    mask = island_mask(standing(seen))
    assert valleys(seen, mask, usual_edge(mask)).sum() < 0.002 * mask.sum()


def test_measured_islands_with_grain_are_seven(reference_data: Path) -> None:
    path = reference_data / "micrographs" / "islands" / "6fe6ed78ab_image.png"
    view = find_islands(np.asarray(Image.open(path).convert("L"), dtype=float)[..., None], Scale(None, "none"))
    assert len(view.found) == 7
    assert not view.flags


def test_a_closed_ring_inside_an_island_parts_nothing() -> None:
    y, x = np.mgrid[:200, :200] - 100.0
    image = np.where(np.hypot(x, y) < 60.0, 160.0, 90.0) - 40.0 * np.exp(-0.5 * ((np.hypot(x, y) - 30.0) / 1.5) ** 2)
    image += np.random.default_rng(5).normal(0.0, 4.0, image.shape)
    seen = contrast(image[..., None])
    mask = island_mask(standing(seen))
    assert not valleys(seen, mask, 80.0).any()


def test_a_dense_layer_of_measured_tetrahedra_is_counted_within_a_tenth(reference_data: Path) -> None:
    """Against the particles of the masks drawn by hand, parted by taking three pixels off each; one that the frame cuts is
    half a particle."""
    found = known = 0.0
    for path in sorted((reference_data / "micrographs" / "overlapping_triangles").glob("*_image.tif")):
        view = find_islands(np.asarray(Image.open(path), dtype=float)[..., None], Scale(None, "none"))
        found += sum(i.probability * (0.5 if i.border else 1.0) for i in view.found)
        drawn = np.asarray(Image.open(str(path).replace("_image", "_mask")).convert("RGB"), dtype=int)
        apart = ndimage.binary_erosion((drawn[..., 0] > 128) & (drawn[..., 2] < 128), iterations=3, border_value=1)
        labels, _ = ndimage.label(apart)
        cut = set(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
        areas = np.bincount(labels.ravel())
        known += sum(0.5 if k in cut else 1.0 for k in range(1, len(areas)) if areas[k] > 40)
    assert found == pytest.approx(known, rel=0.1)
