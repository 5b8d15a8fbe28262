"""Frames of a cell whose photons are scattered more than once: none is lost, and the direct beam is what is left."""

from dataclasses import replace

import numpy as np
from closeness import assert_close

from electrosaxs.twin.beamline import Beamline
from electrosaxs.twin.exposure import Exposure, expose, footprint
from electrosaxs.twin.multiple_scattering import Repeated
from electrosaxs.twin.scattering_cell import NM6, ScatteringCell

WAVE_NUMBER = 2 * np.pi * 13.3 / 1.239841984


def scattered(curve: np.ndarray, cell: ScatteringCell) -> float:
    return float(np.trapezoid(2 * np.pi * cell.q * curve, cell.q) / WAVE_NUMBER**2)


def cells(beamline: Beamline) -> tuple[ScatteringCell, ScatteringCell]:
    """Without solvent and windows, single and as often as it happens."""
    cell = beamline.cell
    bare = replace(cell, solvent=0.0 * cell.solvent, window=0.0 * cell.window)
    once = cell.contrast * NM6 / 1e-27 * cell.squared / cell.volume[:, None]
    return bare, replace(bare, repeated=Repeated.of(cell.q, once, 13.3))


def frames(beamline: Beamline, times_start: float, crystals: float = 0.0) -> tuple[Exposure, Exposure, ScatteringCell]:
    single, often = cells(beamline)
    beam = footprint(0.0, fwhm_um=34.0, gap_um=3500.0)
    start = beamline.history.start_phi
    steep = np.outer(1.0 + times_start * np.exp(-beam.height / 60.0), start)
    grown = crystals * start / start.sum()
    return expose(single, beam, steep, grown), expose(often, beam, steep, grown), single


def test_no_photon_is_lost_and_none_is_made(beamline: Beamline) -> None:
    for crystals in (0.0, 0.005):
        single, often, cell = frames(beamline, 12.0, crystals)
        whole = often.transmission + scattered(often.curve, cell)
        assert_close(whole, single.transmission, rel=3e-3)  # beyond the grid of q
        assert often.transmission < 0.95 * single.transmission


def test_a_thin_solution_scatters_once(beamline: Beamline) -> None:
    single, often, cell = frames(beamline, 0.0)
    below = cell.q < 0.3
    change = (often.curve / often.transmission) / (single.curve / single.transmission)
    assert np.all(change[below] > 1.0)
    assert np.all(change[below] < 1.005)
    assert_close(np.log(single.transmission / often.transmission), 1.0 / 118.0, rel=0.03)


def test_what_is_scattered_again_goes_with_the_square_of_the_concentration(beamline: Beamline) -> None:
    def ratio(times_start: float) -> float:
        single, often, cell = frames(beamline, times_start)
        at = int(np.searchsorted(cell.q, 1.3))
        return float(often.curve[at] / often.transmission / (single.curve[at] / single.transmission) - 1.0)

    assert 9.0 < ratio(12.0) / ratio(0.0) < 16.0
