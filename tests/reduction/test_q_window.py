"""Numbers come from bins that hold pixels: what the detector does not have of the asked window is cut away, and said."""

from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.errors import CalibrationError
from electrosaxs.nouns import AnalysisSettings
from electrosaxs.reduction.azimuthal import Integrator
from electrosaxs.reduction.geometry import Geometry
from electrosaxs.reduction.q_window import filled_window

POINT = Path("geometry.poni")


def integrator(geometry: Geometry, window: AnalysisSettings) -> Integrator:
    limits = {"q_min": window.q_min_per_nm, "q_max": window.q_max_per_nm, "bins": window.bins}
    return Integrator(geometry, mask=geometry.gaps(), **limits)


def test_the_window_is_cut_to_what_the_detector_sees_and_its_bins_stay_as_they_are(small_geometry: Geometry) -> None:
    asked = AnalysisSettings(q_min_per_nm=0.002, q_max_per_nm=11.0, bins=2000)
    whole = integrator(small_geometry, asked)
    window, notes = filled_window(asked, whole.pixels_per_bin, whole.width, where=POINT)
    cut = integrator(small_geometry, window)
    assert cut.pixels_per_bin[0] > 0
    assert cut.pixels_per_bin[-1] > 0
    assert cut.used_pixels == whole.used_pixels
    assert_close(cut.width, whole.width, rel=1e-9)
    assert_close(cut.mean_q[-1], float(small_geometry.q().max()), rel=cut.width)
    assert notes
    assert f"{window.q_max_per_nm:.4g} 1/nm, asked were 0.002 to 11" in notes[0]


def test_a_window_that_is_filled_stays_as_it_is(small_geometry: Geometry) -> None:
    asked = AnalysisSettings(q_min_per_nm=0.1, q_max_per_nm=1.5, bins=100)
    whole = integrator(small_geometry, asked)
    assert filled_window(asked, whole.pixels_per_bin, whole.width, where=POINT) == (asked, ())


def test_a_window_of_which_hardly_anything_is_left_is_refused() -> None:
    filled = np.zeros(500, dtype=np.int64)
    filled[3:20] = 7
    with pytest.raises(
        CalibrationError, match=r"geometry\.poni: .*0\.1 to 90 .* 17 of these bins.*give a q window within"
    ):
        filled_window(AnalysisSettings(q_max_per_nm=90.0), filled, 0.18, where=POINT)
