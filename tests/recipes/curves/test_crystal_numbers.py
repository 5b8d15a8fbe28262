"""Size and strain of grains from the widths of their peaks."""

from dataclasses import replace

import numpy as np
from closeness import assert_close

from electrosaxs.nouns import LatticeAssignment, Number
from electrosaxs.nouns.results import Peak
from electrosaxs.recipes.curves.crystals import strain_numbers

STRAIN, SIZE_WIDTH = 0.004, 0.02  # 1/nm
PEAKS = tuple(
    Peak(q, 1e-3, SIZE_WIDTH + 2.0 * STRAIN * q, 1.0, 0.05, 20.0, hkl)
    for q, hkl in ((0.7, (1, 1, 1)), (0.81, (2, 0, 0)), (1.14, (2, 2, 0)), (1.34, (3, 1, 1)))
)
NONE = Number.absent("one", "not asked")


def assigned(peaks: tuple[Peak, ...]) -> LatticeAssignment:
    return LatticeAssignment("FCC", Number(15.1, 0.01, "nm", "peaks"), NONE, peaks, {}, "FCC")


def test_strain_is_half_of_how_widths_grow_with_q() -> None:
    found = strain_numbers(assigned(PEAKS))["lattice_strain"]
    assert found.value is not None
    assert found.sigma is not None
    assert_close(found.value, STRAIN, rel=1e-9)
    q, width = np.array([(one.q, one.fwhm) for one in PEAKS]).T
    covariance = np.linalg.inv((np.stack([np.ones(4), q]) * (20.0 / width) ** 2) @ np.stack([np.ones(4), q]).T)
    assert_close(found.sigma, 0.5 * np.sqrt(covariance[1, 1]), rel=1e-9)


def test_widths_that_scatter_more_than_they_say_know_it_less_and_two_reflections_say_nothing() -> None:
    wild = tuple(replace(one, fwhm=one.fwhm * f) for one, f in zip(PEAKS, (1.3, 0.7, 1.3, 0.7), strict=True))
    calm, scattered = (strain_numbers(assigned(peaks))["lattice_strain"].sigma for peaks in (PEAKS, wild))
    assert calm is not None
    assert scattered is not None
    assert scattered > 3.0 * calm
    assert strain_numbers(assigned(PEAKS[:2]))["lattice_strain"].value is None
