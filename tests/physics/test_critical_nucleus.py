"""The critical size follows from the exponent of either rate equation, turned round."""

import pytest
from closeness import assert_close

from electrosaxs.physics.critical_nucleus import (
    critical_size_of_complete_condensation,
    critical_size_of_slow_attachment,
)


@pytest.mark.parametrize("size", [1.0, 2.0, 3.0, 7.0])
def test_the_critical_size_is_the_one_whose_exponent_is_seen(size: float) -> None:
    assert_close(critical_size_of_complete_condensation(size / (size + 2.0)), size, rel=1e-12)
    assert_close(critical_size_of_slow_attachment(2.0 * size / (size + 3.0)), size, rel=1e-12)
