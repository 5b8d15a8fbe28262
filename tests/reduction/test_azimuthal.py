"""Counts per q bin: the same as pyFAI without splitting, exact when pixels drop out, and with sigma that is true."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fabio
import numpy as np
import numpy.typing as npt
import pytest
from closeness import assert_close

from electrosaxs.errors import CalibrationError, InputFileError, ShapeError
from electrosaxs.io.poni import read_poni
from electrosaxs.reduction.azimuthal import FrameSums, Integrator
from electrosaxs.reduction.geometry import Geometry, pixel_geometry

Q = {"q_min": 0.1, "q_max": 1.8, "bins": 200}
Frames = Callable[[float, int], npt.NDArray[np.int32]]


def pyfai_no_split(geometry: Geometry, frame: npt.NDArray, mask: npt.NDArray, **q: Any) -> Any:
    return geometry.engine.integrate1d_ng(
        frame,
        q["bins"],
        unit="q_nm^-1",
        radial_range=(q["q_min"], q["q_max"]),
        method=("no", "histogram", "cython"),
        polarization_factor=0.99,
        mask=mask.astype(np.int8),
        error_model="poisson",
    )


def assert_as_pyfai(sums: FrameSums, theirs: Any) -> None:
    """Values and normalisations to 1e-6; counts to the photon (pyFAI divides in single precision)."""
    seen = theirs.count > 0
    assert np.array_equal(sums.counts, np.rint(theirs.sum_signal).astype(np.int64))
    assert np.array_equal(seen, sums.norm > 0)
    assert_close(sums.norm[seen], theirs.sum_normalization[seen], rel=2e-7)
    assert_close(sums.intensity[seen], theirs.intensity[seen], rel=1e-6)


@pytest.fixture(scope="module")
def integrator(small_geometry: Geometry) -> Integrator:
    return Integrator(small_geometry, mask=small_geometry.gaps(), **Q)


def test_intensity_and_variance_are_pyfais_without_splitting(
    small_geometry: Geometry, integrator: Integrator, scattering: Frames
) -> None:
    """At least one photon in every pixel, because pyFAI counts the variance of an empty pixel as 1."""
    frame = np.maximum(scattering(20.0, 1), 1)
    below = small_geometry.q() < Q["q_min"]
    theirs = pyfai_no_split(small_geometry, frame, small_geometry.gaps() | below, **Q)
    sums = integrator.integrate(frame)
    assert_as_pyfai(sums, theirs)
    assert_close(sums.sigma, theirs.sigma, rel=1e-6)
    assert_close(integrator.q, theirs.radial, rel=1e-12)


def test_pyfai_puts_the_pixels_below_q_min_into_its_first_bin(
    small_geometry: Geometry, integrator: Integrator, scattering: Frames
) -> None:
    """Rounding (q - q_min) / dq towards zero; ours leaves them out. All other bins agree."""
    frame = scattering(20.0, 2)
    theirs = pyfai_no_split(small_geometry, frame, small_geometry.gaps(), **Q)
    sums = integrator.integrate(frame)
    q = small_geometry.q()
    stray = (q < Q["q_min"]) & (q > Q["q_min"] - integrator.width) & ~small_geometry.gaps()
    assert theirs.count[0] == integrator.pixels_per_bin[0] + stray.sum()
    assert_close(sums.intensity[1:], theirs.intensity[1:], rel=1e-6)


def test_a_measured_pilatus_2m_frame_is_integrated_as_by_pyfai(reference_data: Path, tmp_path: Path) -> None:
    """Hot pixels above the count cut-off and masked (negative) pixels drop out by their value alone."""
    cutoff = 1_382_835
    poni = tmp_path / "p2m.poni"
    poni.write_text(
        'poni_version: 2.1\nDetector: Pilatus2M\nDetector_config: {"orientation": 3}\nDistance: 1.99389\n'
        "Poni1: 0.14\nPoni2: 0.126\nRot1: 0\nRot2: 0\nRot3: 0\nWavelength: 9.322e-11\n"
    )
    geometry = pixel_geometry(read_poni(poni))
    frame = fabio.open(str(reference_data / "pilatus2m_cbf" / "frame_00006.cbf")).data
    q = {"q_min": 0.1, "q_max": 3.5, "bins": 500}
    left_out = (frame < 0) | (frame >= cutoff)
    assert left_out.sum() == 197_849 + 3
    sums = Integrator(geometry, mask=geometry.gaps(), saturation=cutoff, **q).integrate(frame)
    in_range = (geometry.q() >= q["q_min"]) & (geometry.q() <= q["q_max"])
    assert sums.negative == ((frame < 0) & in_range & ~geometry.gaps()).sum()
    assert sums.saturated == ((frame >= cutoff) & in_range & ~geometry.gaps()).sum()
    theirs = pyfai_no_split(geometry, frame, left_out | geometry.gaps() | (geometry.q() < q["q_min"]), **q)
    assert_as_pyfai(sums, theirs)


def test_pixels_that_drop_out_of_one_frame_take_their_solid_angle_with_them(
    small_geometry: Geometry, scattering: Frames
) -> None:
    """Dropped by value equals dropped by mask, also where a whole bin drops out."""
    frame = scattering(3.0, 3)
    rng = np.random.default_rng(0)
    negative, saturated = rng.random(frame.shape) < 0.02, rng.random(frame.shape) < 0.01
    free = Integrator(small_geometry, mask=small_geometry.gaps(), **Q)
    whole_bin = np.isin(np.arange(frame.size), free.pixel[free.bin == 7]).reshape(frame.shape)
    bad = frame.copy()
    bad[negative] = -2
    bad[saturated] = 5_000
    bad[whole_bin] = -1
    by_value = Integrator(small_geometry, mask=small_geometry.gaps(), saturation=5_000, **Q).integrate(bad)
    masked = small_geometry.gaps() | negative | saturated | whole_bin
    by_mask = Integrator(small_geometry, mask=masked, **Q).integrate(frame)
    assert np.array_equal(by_value.counts, by_mask.counts)
    assert_close(by_value.norm, by_mask.norm, rel=1e-12)
    assert by_value.norm[7] == 0.0
    assert np.isnan(by_value.intensity[7])
    assert (
        by_value.negative + by_value.saturated
        == free.used_pixels - Integrator(small_geometry, mask=masked, **Q).used_pixels
    )


def test_every_photon_of_the_q_range_is_counted_once(integrator: Integrator, scattering: Frames) -> None:
    frame = scattering(8.0, 4)
    assert integrator.integrate(frame).counts.sum() == frame.ravel()[integrator.pixel].sum()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "uint32", "int64", "uint64", ">i4", "<i4"])
def test_the_data_type_of_the_frame_does_not_matter(integrator: Integrator, scattering: Frames, dtype: str) -> None:
    frame = np.minimum(scattering(8.0, 5), 100)
    expected = integrator.integrate(frame)
    flagged = frame.astype(dtype)
    victim = np.unravel_index(integrator.pixel[1234], frame.shape)
    flagged[victim] = np.iinfo(dtype).max
    flagged.flags.writeable = False
    sums = integrator.integrate(flagged)
    expected.counts[integrator.bin[1234]] -= frame[victim]
    assert np.array_equal(sums.counts, expected.counts)
    assert (sums.negative, sums.saturated) == (0, 1)


def test_the_reported_sigma_is_the_scatter_of_repeated_frames(integrator: Integrator, scattering: Frames) -> None:
    """0.3 photons per pixel: a floor of one count per pixel would report 1.8 times the scatter."""
    sums = [integrator.integrate(scattering(0.3, seed)) for seed in range(120)]
    scatter = np.var([s.intensity for s in sums], axis=0, ddof=1)
    reported = np.mean([s.sigma**2 for s in sums], axis=0)
    assert_close(np.sqrt(np.mean(reported / scatter.clip(1e-12))), 1.0, rel=0.03)


def test_frames_and_masks_of_another_detector_are_refused(
    small_geometry: Geometry, integrator: Integrator, scattering: Frames
) -> None:
    with pytest.raises(ShapeError, match=r"\(3, 4\).*\(195, 487\)"):
        integrator.integrate(np.zeros((3, 4), np.int32))
    with pytest.raises(ShapeError, match=r"\(2, 2\).*\(195, 487\)"):
        Integrator(small_geometry, mask=np.zeros((2, 2), bool), **Q)
    with pytest.raises(InputFileError, match="data type = float64"):
        integrator.integrate(scattering(1.0, 6).astype(float))
    with pytest.raises(CalibrationError, match="no unmasked pixel"):
        Integrator(small_geometry, mask=small_geometry.gaps(), q_min=50.0, q_max=60.0, bins=10)


def test_the_fingerprint_tells_integrators_apart(small_geometry: Geometry, integrator: Integrator) -> None:
    same = Integrator(small_geometry, mask=small_geometry.gaps(), **Q)
    other = Integrator(small_geometry, mask=small_geometry.gaps(), polarization=0.9, **Q)
    assert integrator.fingerprint == same.fingerprint != other.fingerprint


SHARED = ("counts", "norm", "negative", "saturated", "stopped", "sectors")


def same_as_alone(engine: Integrator, frames: list[npt.NDArray]) -> None:
    for found, frame in zip(engine.integrate_together(frames), frames, strict=True):
        alone = engine.integrate(frame)
        for name in SHARED:
            assert np.array_equal(getattr(found, name), getattr(alone, name), equal_nan=True), name


@pytest.mark.parametrize(
    "kinds", ["int32 " * 2, "int32 " * 3, "int32 " * 4, "uint16 " * 4, "uint32 " * 3, "int32 uint32 int32 int32"]
)
def test_frames_together_are_the_same_as_each_alone(integrator: Integrator, scattering: Frames, kinds: str) -> None:
    """Other pixels of each are left out, one has stopped modules, one is clipped; frames of two types come one by one."""
    frames = [np.maximum(scattering(30.0, seed), 0).astype(kind) for seed, kind in enumerate(kinds.split())]
    for number, frame in enumerate(frames):
        frame.ravel()[integrator.pixel[100 * number : 1000 : 37]] = np.iinfo(frame.dtype).max
        if frame.dtype.kind == "i":
            frame.ravel()[integrator.pixel[5000 + number :: 4001]] = -1
    frames[0][:, 120:240] = 0
    np.minimum(frames[1], 60, out=frames[1])
    alone = [integrator.integrate(frame) for frame in frames]
    assert alone[0].stopped > 1000
    assert alone[0].saturated > 10
    assert (alone[1].norm == 0).sum() > (alone[0].norm == 0).sum()
    same_as_alone(integrator, frames)


def test_counts_beyond_32_bits_are_right(integrator: Integrator, scattering: Frames) -> None:
    bright = scattering(30.0, 1) + 2**28
    assert integrator.integrate(bright).counts.max() > 2**34
    same_as_alone(integrator, [bright, scattering(30.0, 2), scattering(30.0, 3)])
    same_as_alone(integrator, [scattering(30.0, 2), bright])
