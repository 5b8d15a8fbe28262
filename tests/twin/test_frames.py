"""Frames are what a detector would have written: counts of the expected mean, gaps, beam stop, bad pixels."""

import numpy as np
import pytest
from closeness import assert_close
from scipy import stats

from electrosaxs.errors import InputFileError
from electrosaxs.nouns import DetectorModel, SourceBeam
from electrosaxs.twin.beamline import Beamline
from electrosaxs.twin.detector_model import SATURATION, PixelModel, pixel_model
from electrosaxs.twin.frames import FramePainter, draw_frames

BEAM = SourceBeam(energy_keV=13.3, fwhm_um=34.0)


@pytest.fixture(scope="module")
def curve(beamline: Beamline) -> np.ndarray:
    """Photons per steradian of a frame of the starting solution, 1 s."""
    index = int(np.flatnonzero(beamline.plan.role == "reference")[0])
    exposures = beamline.exposures()
    exposure = [next(exposures) for _ in range(index + 1)][-1]
    return beamline.photons[index] * exposure.curve


def expected_frame(pixels: PixelModel, curve: np.ndarray) -> np.ndarray:
    """Expected counts (y, x) without noise and bad pixels; NaN where the detector has no pixel."""
    place = pixels.position.astype(np.float64)
    mean = pixels.weight * np.interp(place, np.arange(curve.size), curve)
    return np.where(place < 0.0, np.nan, mean).reshape(pixels.shape)


def test_mean_of_many_frames_is_the_expected_frame(pixels: PixelModel, curve: np.ndarray) -> None:
    painter = FramePainter(pixels, seed=4)
    frames = 60
    total = sum(painter.draw(i, curve, 1.0).astype(np.int64) for i in range(frames))
    expected = frames * expected_frame(pixels, curve)
    counted = expected > 1.0
    counted.flat[pixels.hot] = counted.flat[pixels.dead] = False
    pull = (total[counted] - expected[counted]) / np.sqrt(expected[counted])
    n = pull.size
    assert n > 200_000
    assert abs(pull.mean()) < 4.0 / np.sqrt(n)
    assert abs(pull.var() - 1.0) < 5.0 * np.sqrt(2.0 / n)
    bright = expected[counted] > 1000.0
    assert bright.sum() > 1000
    assert stats.kstest(pull[bright], "norm").pvalue > 1e-4


def test_counts_per_pixel_are_those_of_the_beamline(pixels: PixelModel, curve: np.ndarray) -> None:
    painter = FramePainter(pixels, seed=4)
    frame = painter.draw(0, curve, 1.0)
    expected = expected_frame(pixels, curve)
    assert_close(np.nanmax(expected), 3e10 * 42.0 * 7.44e-9 * 0.331, rel=0.05)  # photons, 1/cm x cm, sr, transmission
    assert 0.2 < np.nanmedian(expected) < 5.0
    assert_close(frame[frame >= 0].sum() - frame.flat[pixels.hot].sum(), np.nansum(expected), rel=0.01)


def test_pyfai_gives_the_curve_back(pixels: PixelModel, curve: np.ndarray) -> None:
    from pyFAI.integrator.azimuthal import AzimuthalIntegrator

    geometry = pixels.geometry
    integrator = AzimuthalIntegrator()
    integrator.set_config(geometry.get_config())
    image = np.nan_to_num(expected_frame(pixels, curve))
    mask = pixels.stop | (pixels.position.reshape(pixels.shape) < 0)
    found = integrator.integrate1d(
        image,
        1200,
        unit="q_nm^-1",
        radial_range=(0.1, 3.5),
        mask=mask,
        polarization_factor=BEAM.polarization,
        method=("no", "histogram", "cython"),
        dummy=-1e9,
    )
    solid_angle = geometry.pixel1 * geometry.pixel2 / geometry.dist**2
    filled = found.intensity > 0
    # the mean of the curve over the pixels of a bin, from another weighting than the image's
    q = pixels.position.astype(float) * pixels.q_grid[1]
    kept = ~mask.ravel() & (q >= 0.1) & (q < 3.5)
    bins = np.floor((q[kept] - 0.1) / 3.4 * 1200).astype(int)
    mean = np.bincount(bins, np.interp(q[kept], pixels.q_grid, curve), 1200) / np.maximum(
        np.bincount(bins, minlength=1200), 1
    )
    assert filled.mean() > 0.99
    assert_close(found.intensity[filled] / solid_angle, mean[filled], rel=1e-3)


def test_gaps_beam_stop_and_bad_pixels(pixels: PixelModel, curve: np.ndarray) -> None:
    painter = FramePainter(pixels, seed=4)
    frames = [painter.draw(i, curve, 1.0) for i in range(3)]
    gaps = pixels.geometry.detector.mask.astype(bool)
    for frame in frames:
        assert frame.dtype == np.int32
        assert np.array_equal(frame == -1, gaps)
        assert not frame[pixels.stop & ~gaps].any()
        assert not frame.flat[pixels.dead].any()
        assert frame.max() <= SATURATION
        assert np.all(frame.flat[pixels.hot] > 1000)
    hidden = pixels.stop.copy()
    hidden.flat[np.concatenate([pixels.hot, pixels.dead])] = True
    assert hidden.sum() == pixels.stop.sum() + pixels.hot.size + pixels.dead.size  # bad pixels belong to no mask


def test_frames_do_not_depend_on_the_number_of_threads(pixels: PixelModel, curve: np.ndarray) -> None:
    painter = FramePainter(pixels, seed=4)

    def run(workers: int) -> dict[int, np.ndarray]:
        kept: dict[int, np.ndarray] = {}
        order = draw_frames(
            painter,
            ((i, curve, 1.0) for i in range(7)),
            lambda i, frame: kept.__setitem__(i, frame.copy()),
            workers=workers,
        )
        assert sorted(order) == list(range(7))
        return kept

    one, three = run(1), run(3)
    assert all(np.array_equal(one[i], three[i]) for i in range(7))
    assert not np.array_equal(one[0], one[1])


def test_an_error_while_writing_ends_the_work(pixels: PixelModel, curve: np.ndarray) -> None:
    def full_disk(index: int, frame: np.ndarray) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        list(draw_frames(FramePainter(pixels, seed=4), ((i, curve, 1.0) for i in range(50)), full_disk, workers=2))


def test_hot_pixels_count_as_long_as_the_exposure_lasts(pixels: PixelModel, curve: np.ndarray) -> None:
    painter, slow = FramePainter(pixels, seed=4), pixels.hot_rate < 1e5
    short, long = (painter.draw(0, 0.0 * curve, seconds).flat[pixels.hot][slow] for seconds in (0.5, 2.0))
    assert slow.any()
    assert_close(short / pixels.hot_rate[slow], 0.5, rel=0.15)
    assert_close(long / pixels.hot_rate[slow], 2.0, rel=0.08)


def test_a_polarised_beam_scatters_less_along_its_electric_field() -> None:
    """P = (1 + cos^2 2theta - f cos 2chi sin^2 2theta) / 2, chi from the horizontal (Kahn 1982); near the detector it shows."""
    near = DetectorModel(name="Pilatus300k", distance_m=0.15)
    weights = {f: pixel_model(near, BEAM.model_copy(update={"polarization": f}), seed=1) for f in (0.99, 0.0, -0.5)}
    geometry, shape = weights[0.0].geometry, weights[0.0].shape
    cosine, twist = np.cos(geometry.twoThetaArray(shape)), np.cos(2.0 * geometry.chiArray(shape))
    known = weights[0.0].weight > 0.0
    for f in (0.99, -0.5):
        factor = 1.0 - f * twist * (1.0 - cosine**2) / (1.0 + cosine**2)
        assert np.ptp(factor) > 0.02
        assert_close((weights[f].weight[known] / weights[0.0].weight[known]), factor.ravel()[known], rel=1e-5)


@pytest.mark.parametrize("name", ["Pilatus2M", "Pilatus1M", "Pilatus300k"])
def test_default_window_lies_on_the_detector(name: str) -> None:
    model = pixel_model(DetectorModel(name=name), BEAM, seed=1)
    q = model.position * model.q_grid[1]
    seen = (model.position >= 0) & ~model.stop.ravel()
    pixels_per_bin = np.histogram(q[seen], bins=500, range=(0.1, 3.5))[0]
    assert pixels_per_bin.min() > 50
    assert q[seen].min() < 0.1
    centre = model.geometry.getFit2D()
    assert model.stop[int(centre["centerY"]), int(centre["centerX"])]
    assert model.stop[-1, int(centre["centerX"])]  # the arm that holds the stop comes from the lower edge
    assert not model.stop[0].any()
    assert not model.geometry.detector.mask[int(centre["centerY"]), int(centre["centerX"])]


def test_unknown_detector_is_refused_in_one_line() -> None:
    with pytest.raises(InputFileError, match=r"detector\.name = \"Polaroid\"") as error:
        pixel_model(DetectorModel(name="Polaroid"), BEAM, seed=1)
    assert "\n" not in str(error.value)
