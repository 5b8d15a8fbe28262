"""A voxel's neighbours in height and time say what it holds, and it has no voice in that itself."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.analysis.footprint.surface import expected

HEIGHT = np.array([12.0, 50.0, 100.0, 150.0, 250.0, 400.0, 1000.0])
TIME = 40.0 + 500.0 * np.arange(4)[:, None] + 70.0 * np.arange(7)
PHI = 8e-4 * (1.0 + 9.0 * np.sqrt(TIME / 2000.0) * np.exp(-HEIGHT / (60.0 + 0.05 * TIME)))
ALL = np.ones(PHI.shape, dtype=bool)


def test_what_changes_with_height_or_with_time_alone_is_met_exactly() -> None:
    alone = np.broadcast_to(8e-4 * (1.0 + 5.0 * np.exp(-HEIGHT / 100.0)), PHI.shape) * np.ones((4, 1))
    clock = np.broadcast_to(500.0 * np.arange(1, 5)[:, None], PHI.shape)
    found = expected(alone, ALL, height_um=HEIGHT, time_s=clock)
    assert_close(np.exp(found.logarithm), alone, rel=1e-9)


def test_a_growing_layer_is_predicted_within_its_sigma() -> None:
    found = expected(PHI, ALL, height_um=HEIGHT, time_s=TIME, start=8e-4)
    off = np.abs(found.logarithm - np.log(PHI))[1:]
    assert np.median(off) < 0.01
    assert np.mean(off < 3.0 * found.sigma[1:]) > 0.9


@pytest.mark.parametrize("place", [(0, 0), (2, 3), (3, 6)])
def test_a_voxel_never_enters_its_own_prediction(place: tuple[int, int]) -> None:
    wanted = np.zeros(PHI.shape, dtype=bool)
    wanted[place] = True
    wrong, lost = PHI.copy(), PHI.copy()
    wrong[place] *= 3.0
    lost[place] = np.nan
    values = [expected(x, wanted, height_um=HEIGHT, time_s=TIME, start=8e-4) for x in (PHI, wrong, lost)]
    assert len({float(v.logarithm[place]) for v in values}) == 1
    assert len({float(v.sigma[place]) for v in values}) == 1


def test_where_nothing_is_near_nothing_is_said() -> None:
    alone = np.full((1, 1), 8e-4)
    found = expected(alone, np.ones((1, 1), bool), height_um=np.array([0.0]), time_s=np.array([[40.0]]))
    assert np.isnan(found.logarithm).all()


def test_in_an_emptied_cell_nothing_is_said_far_from_what_was_measured() -> None:
    noise = np.exp(np.random.default_rng(3).normal(scale=6.0, size=PHI.shape) - 14.0)
    empty = np.where(HEIGHT > 150.0, noise, PHI)
    told = expected(empty, ALL, height_um=HEIGHT, time_s=TIME, start=8e-4).logarithm
    assert np.nanmin(told) > np.log(empty.min()) - 2.5
    assert np.nanmax(told) < np.log(empty.max()) + 2.5


def test_rounding_decides_nothing_where_schemes_err_alike() -> None:
    """With three scans several schemes read the same voxels; phi in other units is foretold by the same one."""
    random = np.random.default_rng(4)
    for scans in (2, 3):
        for _ in range(20):
            phi = (PHI * np.exp(0.05 * random.normal(size=PHI.shape)))[:scans]
            phi[random.random(phi.shape) < 0.2] = np.nan
            one, other = (
                expected(c * phi, ALL[:scans], height_um=HEIGHT, time_s=TIME[:scans], start=c * 8e-4)
                for c in (1.0, 37.0)
            )
            told = np.isfinite(one.logarithm)
            assert_close(other.logarithm[told] - np.log(37.0), one.logarithm[told], rel=1e-9)


def test_looks_between_scans_have_a_sigma_however_many_they_are() -> None:
    """Ten looks at two heights, the lower one hidden by crystals, between two scans of all heights on either side."""
    begin = np.array([0.0, 500.0, *np.arange(1000.0, 1500.0, 50.0), 1500.0, 2000.0])[:, None]
    time = 40.0 + begin + 3.0 * np.arange(HEIGHT.size)
    true = 8e-4 * (1.0 + 9.0 * np.sqrt(time / 2000.0) * np.exp(-HEIGHT / (60.0 + 0.05 * time)))
    looks = np.isin(np.arange(len(begin)), np.arange(2, 12))
    seen = true.copy()
    seen[np.ix_(looks, np.arange(HEIGHT.size) != 1)] = np.nan
    wanted = np.isnan(seen) & (np.arange(HEIGHT.size) > 1)
    found = expected(seen, wanted, height_um=HEIGHT, time_s=time, start=8e-4)
    assert np.isfinite(found.sigma[wanted]).all()
    assert np.max(found.sigma[wanted]) < 0.15
    off = np.abs(found.logarithm - np.log(true))[wanted]
    assert np.mean(off < 3.0 * found.sigma[wanted]) > 0.95


def test_what_a_voxel_is_told_does_not_depend_on_which_others_are_asked() -> None:
    """Holes and measured voxels, in looks at two heights between scans of all, each asked for alone and all together."""
    random = np.random.default_rng(8)
    begin = np.array([0.0, 500.0, *np.arange(1000.0, 1400.0, 50.0), 1500.0, 2000.0])[:, None]
    time = 40.0 + begin + 3.0 * np.arange(HEIGHT.size)
    phi = 8e-4 * (1.0 + 9.0 * np.sqrt(time / 2000.0) * np.exp(-HEIGHT / (60.0 + 0.05 * time)))
    phi *= np.exp(0.02 * random.normal(size=phi.shape))
    phi[2:10, 2:] = np.nan
    phi[0, 3] = np.nan
    wanted = np.ones(phi.shape, dtype=bool)
    together = expected(phi, wanted, height_um=HEIGHT, time_s=time, start=8e-4)
    for place in [(0, 3), (1, 1), (4, 0), (4, 1), (5, 4), (7, 1), (7, 6), (11, 0)]:
        one = np.zeros(phi.shape, dtype=bool)
        one[place] = True
        alone = expected(phi, one, height_um=HEIGHT, time_s=time, start=8e-4)
        assert alone.logarithm[place] == together.logarithm[place]
        assert alone.sigma[place] == together.sigma[place]


def test_a_prediction_is_a_boolean_sum_of_polynomials_through_its_neighbours() -> None:
    """The same from polynomials that NumPy fits, in a scan of looks that knows two heights only."""
    phi, place = PHI.copy(), (2, 1)
    phi[2, 2:] = np.nan
    t, z = np.sqrt(TIME), np.sqrt(HEIGHT + 20.0)
    scans, heights = [1, 3], [0]  # of (2, 1, root); those of more heights find no more in this scan

    def along(x: np.ndarray, y: np.ndarray, at: float) -> float:
        return float(np.polyval(np.polyfit(x, y, len(x) - 1), at))

    ln = np.log(phi)
    rest = [ln[s, 1] - along(z[heights], ln[s, heights], z[1]) for s in scans]
    whole = along(z[heights], ln[2, heights], z[1]) + along(t[scans, 1], np.array(rest), t[2, 1])
    wanted = np.zeros(PHI.shape, dtype=bool)
    wanted[place] = True
    told = expected(phi, wanted, height_um=HEIGHT, time_s=TIME)
    inverse = 1.0 / TIME
    other = along(z[heights], ln[2, heights], z[1]) + along(inverse[scans, 1], np.array(rest), float(inverse[2, 1]))
    assert min(abs(told.logarithm[place] - whole), abs(told.logarithm[place] - other)) < 1e-12
