"""The most probable distribution is one place: from anywhere, and said where it was not reached."""

import numpy as np
import pytest
from analysis.synthetic_curves import gaussian_sizes, synthetic_sample, window
from closeness import assert_close
from scipy.optimize import minimize

from electrosaxs.analysis.free_form import newton
from electrosaxs.analysis.free_form.basis import TREND, SizeBasis
from electrosaxs.analysis.free_form.each_curve import free_form_sizes
from electrosaxs.analysis.free_form.inversion import curves_of, design_matrix
from electrosaxs.analysis.free_form.newton import Misfit, most_probable, prior_precision
from electrosaxs.errors import ConvergenceError
from electrosaxs.nouns import FloatArray

BASIS = SizeBasis.of(window(200), shell=1.115)
TAU = 0.5


def misfit() -> Misfit:
    (curve,) = curves_of(synthetic_sample(gaussian_sizes(7.1, 1.1), q=BASIS.q, seed=5))
    unit = float(curve.y.max())
    weight = unit**2 / curve.variance(np.maximum(curve.y, 0.0))
    return Misfit.of(design_matrix(BASIS), curve.y / unit, weight, TAU)


def normal(diameter: float, deviation: float) -> FloatArray:
    """Coefficients of a normal number density whose intensity is of order one."""
    exponent = -0.5 * np.square((BASIS.diameter - diameter) / deviation)
    coefficients = np.zeros(BASIS.modes.shape[1] + 1)
    coefficients[:TREND] = np.linalg.lstsq(BASIS.modes[:, :TREND], exponent, rcond=None)[0]
    return coefficients[None]


def test_the_optimum_is_the_same_from_far_starts_and_nothing_is_lower_beside_it() -> None:
    curve = misfit()
    found = [most_probable(BASIS, [curve], normal(*sizes)) for sizes in ((7.0, 1.0), (4.0, 1.5), (11.0, 3.0))]
    prior = prior_precision(TAU, BASIS.modes.shape[1])

    def less_probable(c: FloatArray) -> float:
        x = np.append(BASIS.volume * np.exp(BASIS.modes @ c[:-1]), c[-1])
        return 0.5 * curve.chi_squared(x) + 0.5 * float(prior @ c**2)

    for one in found:
        assert_close(one.value, less_probable(one.coefficients[0]), rel=1e-9)
        assert one.value - found[0].value < 3.0 * newton.TOLERANCE
    unit = 1.0 / np.sqrt(np.diag(found[0].hessian))  # steps in sigmas
    best = found[0].coefficients[0]
    nearby = minimize(lambda z: less_probable(best + unit * z), np.zeros(best.size), method="BFGS").fun
    assert found[0].value - nearby < 3.0 * newton.TOLERANCE
    assert less_probable(normal(4.0, 1.5)[0]) > found[0].value + 1e3


def test_steps_that_ran_out_are_an_error_and_the_curve_is_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newton, "MOST_STEPS", 2)
    with pytest.raises(ConvergenceError, match="not reached"):
        most_probable(BASIS, [misfit()], normal(4.0, 1.5))
    fit = free_form_sizes(synthetic_sample(gaussian_sizes(), q=BASIS.q, seed=5), BASIS)
    assert fit.flags == (("not converged",),)
    assert np.isnan(fit.density).all()
    assert not fit.seen[0]
