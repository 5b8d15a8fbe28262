"""A published reduction comes back, by pyFAI's route and, within its sigma, by ours."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from closeness import assert_close

from electrosaxs.errors import CalibrationError, InputFileError, ShapeError
from electrosaxs.io.poni import read_poni
from electrosaxs.reduction.azimuthal import Integrator
from electrosaxs.reduction.cross_check import PyFAIIntegrator
from electrosaxs.reduction.geometry import Geometry, pixel_geometry
from electrosaxs.reduction.masking import read_mask, static_mask

MONITOR = 123.54586177870002
Frames = Callable[[float, int], npt.NDArray[np.int32]]


@pytest.fixture(scope="module")
def published(reference_data: Path) -> tuple[Geometry, npt.NDArray, npt.NDArray, npt.NDArray]:
    """Geometry, mask, raw frame and (q, I, sigma) that SSRL 1-5 published with it."""
    folder = reference_data / "agbeh_pilatus1m"
    geometry = pixel_geometry(read_poni(folder / "run5" / "atT_SAXS.poni"), energy_keV=12.0)
    mask = read_mask(folder / "RT_SAXS_mask_03.edf", geometry.shape)
    name = "Hor_scan_Run5_RampT20_ctr0_scan1_0000"
    frame = np.fromfile(folder / "run5" / f"sone_{name}.raw", np.int32).reshape(geometry.shape)
    return geometry, mask, frame, np.loadtxt(folder / "run5" / f"{name}_SAXS.dat")


def test_the_published_curve_comes_back_with_its_bounding_boxes(published: tuple) -> None:
    """All thousand bins within 1e-5, those of one pixel too; pixel centres in single precision would miss 20 of them."""
    geometry, mask, frame, (q, intensity, sigma) = *published[:3], published[3].T
    curve = PyFAIIntegrator(geometry, mask=mask, q_min=None, q_max=None, bins=1000, polarization=None).curve(frame)
    assert_close(curve.q, q, rel=1e-6)
    error = np.abs(curve.intensity / MONITOR / intensity - 1)
    assert error.max() < 1e-6
    assert_close(curve.sigma / MONITOR, sigma, rel=1e-5)


def test_the_published_curve_comes_back_within_its_sigma_without_splitting(published: tuple) -> None:
    """The published bins are 0.6 of a pixel wide, so that splitting smooths over them: bin by bin the root mean square
    difference is one sigma, over eight bins (five pixels) a quarter of it. The first bins are cut by the beam stop."""
    geometry, user, frame, (q, intensity, sigma) = *published[:3], published[3].T
    half = (q[-1] - q[0]) / 999 / 2
    edges = {"q_min": q[0] - half, "q_max": q[-1] + half}
    integrator = Integrator(geometry, mask=static_mask(geometry, user, **edges), bins=1000, polarization=None, **edges)
    ours = integrator.integrate(frame)
    pull = ((ours.intensity / MONITOR - intensity) / sigma)[24:]
    assert np.isfinite(pull).mean() > 0.99
    assert np.sqrt(np.nanmean(pull**2)) < 1.0

    def grouped(values: npt.NDArray) -> npt.NDArray:
        return values.reshape(-1, 8).sum(axis=1)

    norm = ours.norm
    difference = grouped(ours.counts / MONITOR - norm * intensity)
    pulls = difference / np.sqrt(grouped((norm * sigma) ** 2))
    assert np.sqrt(np.mean(pulls[3:] ** 2)) < 0.3
    assert np.abs(pulls[3:]).max() < 1.0
    assert abs(np.mean(pulls[3:])) < 0.05


def test_pyfai_without_splitting_gives_our_counts(small_geometry: Geometry, scattering: Frames) -> None:
    """Through the same interface, with negative and saturated pixels in the frame."""
    frame = scattering(6.0, 1)
    frame[40:50, 100:130] = -2
    frame[60, 200] = 40_000
    q = {"q_min": 0.1, "q_max": 1.8, "bins": 150}
    mask = small_geometry.gaps() | (small_geometry.q() < 0.1)
    ours = Integrator(small_geometry, mask=mask, saturation=40_000, **q).integrate(frame)
    theirs = PyFAIIntegrator(small_geometry, mask=mask, saturation=40_000, method="no", **q).integrate(frame)
    assert_close(theirs.counts, ours.counts, rel=1e-12)
    assert_close(theirs.norm, ours.norm, rel=2e-7)
    assert (theirs.negative, theirs.saturated) == (ours.negative, ours.saturated) == (300, 1)


def test_splitting_keeps_the_photons_but_those_at_the_ends(small_geometry: Geometry, scattering: Frames) -> None:
    frame = scattering(6.0, 2)
    q = {"q_min": 0.1, "q_max": 1.8, "bins": 150}
    split = PyFAIIntegrator(small_geometry, mask=small_geometry.gaps(), method="bbox", **q)
    whole = Integrator(small_geometry, mask=small_geometry.gaps(), **q)
    assert_close(split.integrate(frame).counts.sum(), whole.integrate(frame).counts.sum(), rel=1e-2)
    assert_close(split.q, whole.q, rel=1e-6)


def test_what_pyfai_does_not_know_is_refused(small_geometry: Geometry) -> None:
    mask = small_geometry.gaps()
    with pytest.raises(InputFileError, match="pyFAI method = nearest"):
        PyFAIIntegrator(small_geometry, mask=mask, q_min=0.1, q_max=1.8, bins=10, method="nearest")
    with pytest.raises(CalibrationError, match="both ends or none"):
        PyFAIIntegrator(small_geometry, mask=mask, q_min=None, q_max=1.8, bins=10)
    with pytest.raises(ShapeError, match=r"\(2, 2\)"):
        PyFAIIntegrator(small_geometry, mask=mask, q_min=0.1, q_max=1.8, bins=10).integrate(np.zeros((2, 2), int))
