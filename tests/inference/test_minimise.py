import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.errors import ConvergenceError, ElectrosaxsError
from electrosaxs.inference.minimise import NotMinimal, minimise

FREE = np.full(2, -10.0), np.full(2, 10.0), np.full(2, 5.0)


def valley(x):
    """Rosenbrock 1960, least at (1, 1); in units in which a hundredth of x is a sigma."""
    return 100.0 * np.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])


def slopes(x):
    return 100.0 * np.array([[-20.0 * x[0], 10.0], [-1.0, 0.0]])


def test_the_end_of_a_curved_valley_is_found():
    found = minimise(valley, slopes, np.array([-1.2, 1.0]), *FREE)
    assert_close(found.x, [1.0, 1.0], rel=1e-2)
    assert found.chi_squared < 1e-3
    assert not found.at_limit.any()


def test_a_limit_holds_a_parameter_and_the_other_goes_to_its_best():
    low, _, reach = FREE
    found = minimise(valley, slopes, np.array([0.2, 0.2]), low, np.array([0.5, 10.0]), reach)
    assert_close(found.x, [0.5, 0.25], rel=1e-3)
    assert found.at_limit.tolist() == [True, False]


def test_what_is_not_physical_is_walked_around():
    def fenced(x):
        if x[0] > 1.2:
            raise ElectrosaxsError("not physical")
        return valley(x)

    assert_close(minimise(fenced, slopes, np.array([-1.2, 1.0]), *FREE).x, [1.0, 1.0], rel=1e-2)


def test_no_minimum_is_no_result():
    with pytest.raises(ConvergenceError, match="could still fall") as raised:
        minimise(valley, lambda x: -slopes(x), np.array([-1.2, 1.0]), *FREE)
    assert isinstance(raised.value, NotMinimal)
    assert raised.value.least <= 24.3e4


def test_a_minimum_at_a_kink_is_one_and_says_what_derivatives_miss_of_it():
    """Derivatives do not see the kink at 1 and promise 0.8 or 1.2 of a sigma beyond it."""

    def kinked(off):
        return lambda x: np.array([x[0] - 1.0 + off, 3.0 * (x[1] - 2.0), 2.5 * np.sqrt(abs(x[0] - 1.0))])

    def smooth(x):
        return np.array([[1.0, 0.0], [0.0, 3.0], [0.0, 0.0]])

    found = minimise(kinked(0.8), smooth, np.array([1.0, 2.0]), *FREE)
    assert_close(found.x, [1.0, 2.0], rel=1e-6)
    assert_close(found.promised, [-0.8, 0.0], rel=1e-6, floor=1e-9)
    with pytest.raises(NotMinimal, match="no step makes it smaller"):
        minimise(kinked(1.2), smooth, np.array([1.0, 2.0]), *FREE)


def test_a_hopeless_minimum_is_given_up():
    def far(x):
        return np.append(valley(x), 1e5)

    with pytest.raises(NotMinimal, match="given up"):
        minimise(far, lambda x: np.vstack([slopes(x), [0.0, 1e-6]]), np.array([-9.0, -9.0]), *FREE, hopeless=1e8)


def counted(jacobian):
    calls = []

    def call(x):
        calls.append(x)
        return jacobian(x)

    return call, calls


def test_derivatives_that_are_known_are_not_computed_again():
    def bowl(x):
        return np.array([x[0] - 1.0, 3.0 * (x[1] - 2.0), 0.1 * (x[0] - x[1])])

    known = np.array([[1.0, 0.0], [0.0, 3.0], [0.1, -0.1]])
    jacobian, calls = counted(lambda x: known)
    exact = minimise(bowl, jacobian, np.array([5.0, -5.0]), *FREE)
    computed = len(calls)
    found = minimise(bowl, jacobian, np.array([5.0, -5.0]), *FREE, slopes=known * 1.01, certain=False)
    assert len(calls) == computed
    assert_close(found.x, exact.x, rel=1e-3)
    minimise(bowl, jacobian, np.array([5.0, -5.0]), *FREE, slopes=known * 1.01)
    assert len(calls) == computed + 1  # those of the minimum, from which a covariance is made


def test_derivatives_that_mislead_are_computed_anew():
    jacobian, calls = counted(slopes)
    start = np.array([-1.2, 1.0])
    found = minimise(valley, jacobian, start, *FREE, slopes=slopes(np.array([3.0, -3.0])), certain=False)
    assert_close(found.x, [1.0, 1.0], rel=1e-2)
    assert calls
