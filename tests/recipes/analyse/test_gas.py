"""Frames of one height that lack solvent and lie below their neighbours are gas together, where one alone would not say it."""

import numpy as np

from electrosaxs.analysis.concentration.missing_solvent import MissingSolvent
from electrosaxs.analysis.footprint.surface import Expected
from electrosaxs.recipes.analyse.gas import GasShare, gas_share

PHI = np.full((5, 3), 1e-3)
OUT = np.zeros((5, 3), dtype=bool)


def told(
    share: dict[tuple[int, int], float], *, light: float = 0.0, lower: float = 0.05, out: np.ndarray = OUT
) -> GasShare:
    missing, asked = np.zeros(PHI.shape), np.zeros(PHI.shape, dtype=bool)
    for place, size in share.items():
        missing[place], asked[place] = size, True
    around = Expected(np.where(asked, np.log(PHI) + lower, np.nan), np.where(asked, 0.015, np.nan))
    solvent = MissingSolvent(missing, np.full(PHI.shape, 0.015))
    return gas_share(solvent, np.full(PHI.shape, light), PHI, around, out)


def test_two_frames_say_together_what_one_does_not() -> None:
    assert not told({(3, 0): 0.05}).found.any()
    both = told({(3, 0): 0.05, (4, 0): 0.05})
    assert np.argwhere(both.found).tolist() == [[3, 0], [4, 0]]
    assert np.allclose(both.share[3:, 0], 0.05)
    assert not told({(3, 0): 0.05, (4, 1): 0.05}).found.any()  # of two heights


def test_one_that_is_not_out_carries_its_gas_in_its_sigma() -> None:
    alone = told({(3, 0): 0.05})
    assert alone.unseen[3, 0] > 0.04
    assert np.count_nonzero(alone.unseen) == 1


def test_a_phi_that_is_not_lower_speaks_against_gas() -> None:
    assert not told({(3, 0): 0.05, (4, 0): 0.05}, lower=0.0).found.any()


def test_less_light_than_expected_is_not_gas() -> None:
    assert not told({(3, 0): 0.2}, light=-4.0).found.any()


def test_where_gas_was_found_less_is_enough() -> None:
    out = OUT.copy()
    out[2, 0] = True
    assert told({(2, 0): 0.2, (3, 0): 0.04}, out=out).found[3, 0]
