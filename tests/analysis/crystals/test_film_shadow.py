"""A film that hides itself: what it takes of the light and what it scatters tell how much of it there is."""

import numpy as np
import pytest
from closeness import assert_close
from scipy.integrate import quad

from electrosaxs.analysis.crystals.film_shadow import film_shadow, tilt_mrad


def seen(share: float, depth: float, wedge: bool) -> tuple[float, float, float]:
    """Depths as scattering and transmission show them, and mean depth in the light, by integration over the rays."""

    def mean(function: object) -> float:
        rays = quad(lambda u: function(depth * u if wedge else depth), 0.0, 1.0)[0]  # type: ignore[operator]
        return share * rays

    passes = 1.0 - mean(lambda k: 1.0 - np.exp(-k))
    return mean(lambda k: k * np.exp(-k)) / passes, -np.log(passes), mean(lambda k: k)


@pytest.mark.parametrize("wedge", [True, False])
@pytest.mark.parametrize(("share", "depth"), [(0.2, 0.5), (0.2, 3.0), (0.1, 6.0), (0.9, 2.0)])
def test_what_stands_in_the_light_is_found_whatever_share_of_the_beam_the_film_has(
    share: float, depth: float, wedge: bool
) -> None:
    shown, absorbed, lit = seen(share, depth, wedge)
    found = film_shadow(shown, 1e-4 * shown, absorbed, 1e-4 * absorbed)
    assert abs(found.lit - lit) < 1.2 * found.sigma
    assert_close(found.taken, 1.0 - np.exp(-absorbed), rel=1e-9)
    if wedge:
        assert_close(found.edge, depth, rel=0.01)


def test_a_thin_film_hides_nothing() -> None:
    shown, absorbed, lit = seen(0.2, 0.02, False)
    found = film_shadow(shown, 1e-5, absorbed, 1e-5)
    assert_close(found.lit, lit, rel=0.02)
    assert_close(found.shown, lit, rel=0.03)


def test_what_is_uncertain_about_either_measure_is_in_the_amount() -> None:
    shown, absorbed, _ = seen(0.2, 3.0, True)
    sharp, by_peaks, by_light = (
        film_shadow(shown, a * shown, absorbed, b * absorbed) for a, b in ((1e-4, 1e-4), (0.3, 1e-4), (1e-4, 0.3))
    )
    assert by_peaks.sigma > 1.5 * sharp.sigma
    assert by_light.sigma > 1.5 * sharp.sigma
    more = film_shadow(1.3 * shown, 1e-4, absorbed, 1e-4)
    assert_close(by_peaks.edge_sigma, abs(more.edge - sharp.edge), rel=0.3)


def test_the_tilt_is_that_at_which_a_film_is_so_deep_beside_the_edge() -> None:
    """Coverage 0.3, height 3 um, mu 12.5 / mm: at 2 mrad a ray along the edge meets 1.5 mm of film, 0.45 mm of it crystal."""
    attenuation, packing = 12.5e-3, 0.494  # 1/um
    per_phi = attenuation / packing * 1e4
    edge = attenuation * 0.3 * 3.0 / 2e-3
    assert_close(tilt_mrad(0.3 * 3.0 * packing, per_phi, 1e4, edge), 2.0, rel=1e-9)
