"""A layer thinner than the beam hides particles: as much as light and scattering together say is in phi's sigma."""

from types import SimpleNamespace

import numpy as np
import pytest

from electrosaxs.nouns import Beam, Cell, FloatArray
from electrosaxs.recipes.analyse.dark_layer import hidden_on_the_anode

HEIGHTS = np.array([0.0, 50.0, 120.0, 3440.0])
DENSE = 220.0  # optical depth of phi = 1
OVER = np.array([2.2, 1.4, 1.1, 1.0]) * 8e-4


def hidden(
    depth: float, share: float, *, light: float = 0.0, seen_um: float | None = 1e-3, crystals: int = 9, scans: int = 5
) -> tuple[FloatArray, float]:
    """What is told of a layer of that depth in a share of the open beam, and the phi that it hides at the anode; light: ln T
    more than that."""
    passes = 1.0 - share + share * np.exp(-depth)
    shown = share * depth * np.exp(-depth) / passes  # over the light, as frames are divided by it
    missing = -np.log(passes) - shown
    phi = np.tile(OVER, (scans, 1))
    phi[:, 0] += shown / DENSE - (OVER[0] - OVER[1])
    place = np.array([light - missing, 0.0, 0.0, 0.0])
    beside = np.zeros(phi.shape, dtype=bool)
    beside[crystals:, 0] = True
    view = SimpleNamespace(
        phi=phi, cut=np.array([True, False, False, True]), beside_crystals=beside, scale=1.0,
        attenuation=np.full(phi.shape, DENSE), grid=SimpleNamespace(heights=HEIGHTS),
        run=SimpleNamespace(beam=Beam(energy_keV=13.3, fwhm_um=34.0), cell=Cell(gap_mm=3.5, path_length_mm=10.0)),
    )  # fmt: skip
    measures = SimpleNamespace(
        place=place, place_sigma=np.full(4, 2e-4), wander=np.zeros(phi.shape), residual=np.zeros(phi.shape),
        difference=np.tile(place, (scans, 1)), sigma=np.full(phi.shape, 1e-3),
    )  # fmt: skip
    found = hidden_on_the_anode(measures, view, seen_um)  # type: ignore[arg-type]
    return found, (share * depth - shown) / DENSE


@pytest.mark.parametrize(("depth", "share"), [(0.3, 0.3), (1.0, 0.15), (2.5, 0.1)])
def test_what_a_thin_layer_hides_is_told_by_light_and_scattering(depth: float, share: float) -> None:
    found, right = hidden(depth, share)
    assert found[:, 0] == pytest.approx(right, rel=0.35)
    assert not found[:, -1].any()  # the cathode's beam sees none of the anode
    assert np.all(found[:, 1] < 1e-2 * found[:, 0])


def test_more_light_or_no_knife_edge_tells_of_no_layer() -> None:
    assert not hidden(1.0, 0.15, light=0.2)[0].any()
    assert not hidden(1.0, 0.15, seen_um=None)[0].any()
    assert not hidden(1e-3, 0.2)[0].any()  # nothing is missing
    assert not hidden(0.3, 0.3, seen_um=2.0)[0].any()  # of the height of the edge


def test_beside_crystals_a_layer_hides_as_much_as_before_them() -> None:
    found, right = hidden(1.0, 0.15, crystals=3)
    assert found[:, 0] == pytest.approx(right, rel=0.35)
