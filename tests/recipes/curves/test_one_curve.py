"""A curve in memory is analysed as the same curve in a file."""

from pathlib import Path

import numpy as np
import pytest

from electrosaxs import analyse_curve, analyse_curves
from electrosaxs.errors import InputFileError
from electrosaxs.physics.sphere_kernels import squared_form_factor


def curve() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    q = np.linspace(0.15, 2.5, 180)
    intensity = 2e-3 * squared_form_factor(q, 7.0, 0.9) + 0.4
    sigma = 0.02 * intensity
    return q, intensity + sigma * np.random.default_rng(3).standard_normal(q.size), sigma


def test_arrays_give_what_a_file_gives(tmp_path: Path) -> None:
    q, intensity, sigma = curve()
    file = tmp_path / "a.dat"
    np.savetxt(file, np.column_stack([q, intensity, sigma]), header="q_nm^-1 I sigma", fmt="%.17g")
    (of_file,) = analyse_curves(file, tmp_path / "out")
    ours = analyse_curve(q, intensity, sigma)
    assert ours.numbers["diameter"] == of_file.numbers["diameter"]
    assert abs(ours.numbers["diameter"].value - 7.0) < 4.0 * ours.numbers["diameter"].sigma
    assert repr(ours).startswith("<CurveResult 'curve': 180 points; spheres;")


def test_arrays_that_are_no_curve_are_refused() -> None:
    q, intensity, sigma = curve()
    with pytest.raises(InputFileError, match=r"curve: sigma = shape \(179,\): must be one number for each of the 180"):
        analyse_curve(q, intensity, sigma[1:])
    intensity[7] = np.nan
    with pytest.raises(InputFileError, match="point 8"):
        analyse_curve(q, intensity, sigma)
