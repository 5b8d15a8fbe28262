"""What a minimum says of its parameters: on a straight line, where everything is known in closed form."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.errors import FitError
from electrosaxs.inference.covariance import MISFIT_SIGMAS, NUMERICAL, covariance_at
from electrosaxs.inference.fit import CellFit
from electrosaxs.inference.minimise import Minimum
from electrosaxs.inference.parameters import PARAMETERS, Free, Layout

VALUES = 400
SLOPES = np.stack([np.linspace(0.5, 2.0, VALUES), np.cos(np.arange(VALUES)), np.zeros(VALUES)], axis=1)
NAMES = ("effective_charge", "diffusivity_scale", "crystal_length")


@dataclass(frozen=True)
class Line:
    """As much of a problem as a covariance needs: residuals that are linear in the coordinates."""

    layout: Layout
    runs: tuple[()] = ()
    model: None = None
    errors: tuple[()] = field(default=())

    def residual(self, x):
        return SLOPES[:, : x.size] @ x


def line(run: int | None = 0) -> Line:
    """Two shared parameters, and one that nothing measured shows, of `run`."""
    free = [Free(PARAMETERS[name], run if name == NAMES[2] else None, 1.0, 1e-4, None, name) for name in NAMES]
    return Line(Layout(tuple(free), ({},)))


def minimum(reduced: float) -> Minimum:
    """A minimum with this chi-squared per degree of freedom; two of the parameters are seen."""
    residual = np.full(VALUES, np.sqrt(reduced * (VALUES - 2) / VALUES))
    return Minimum(np.array([np.log(0.045), 0.1, 3.0]), residual, SLOPES, np.zeros(3, dtype=bool))


def test_sigma_is_widened_by_the_root_of_what_chi_squared_is_too_large() -> None:
    enough = 1.0 + 1.01 * MISFIT_SIGMAS * np.sqrt(2.0 / (VALUES - 2))
    plain, none, _ = covariance_at(line(), minimum(1.0 + 0.99 * (enough - 1.0)))
    wide, widening, _ = covariance_at(line(), minimum(4.0))
    assert none == 1.0
    assert covariance_at(line(), minimum(enough))[1] > 1.0
    assert_close(widening, 2.0, rel=1e-12)
    expected = np.linalg.inv(SLOPES[:, :2].T @ SLOPES[:, :2])
    grid = NUMERICAL**2 * np.eye(2)
    assert_close(plain[:2, :2], expected + grid, rel=1e-9)
    assert_close(wide[:2, :2], 4.0 * expected + grid, rel=1e-9)


def test_a_step_that_lowers_nothing_is_an_error_of_its_own_size() -> None:
    promised = np.array([0.01, -0.02, 0.0])
    without = covariance_at(line(), minimum(1.0))[0]
    covariance = covariance_at(line(), replace(minimum(1.0), promised=promised))[0]
    assert_close(covariance - without, np.outer(promised, promised), rel=1e-9, floor=1e-15)


def test_what_a_run_does_not_show_has_no_sigma_and_counts_as_no_parameter() -> None:
    fit = CellFit(line(), minimum(1.0), *covariance_at(line(), minimum(1.0)))
    assert fit.unseen.tolist() == [False, False, True]
    assert not fit.covariance[2].any()
    assert (fit.count, fit.degrees_of_freedom) == (2, VALUES - 2)
    assert_close(fit.akaike - fit.chi_squared, 4.0, rel=1e-9)
    assert_close(fit.bayes - fit.chi_squared, 2.0 * np.log(VALUES), rel=1e-9)
    with pytest.raises(FitError, match="crystal_length changes nothing that was measured"):
        covariance_at(line(run=None), minimum(1.0))


def test_what_a_limit_holds_has_no_sigma_and_makes_the_others_no_wider() -> None:
    held = Minimum(minimum(1.0).x, minimum(1.0).residual, SLOPES, np.array([False, True, False]))
    covariance, _, _ = covariance_at(line(), held)
    assert not covariance[1].any()
    assert_close(covariance[0, 0], 1.0 / (SLOPES[:, 0] @ SLOPES[:, 0]) + NUMERICAL**2, rel=1e-9)
