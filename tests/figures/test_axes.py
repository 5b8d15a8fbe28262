"""Labels of logarithmic axes say the value that stands there."""

import pytest

from electrosaxs.figures.maps import NICE
from electrosaxs.figures.style import drawing, label_log_axis, log_ticks, new_figure


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.05, "0.05"), (100.0, "100"), (0.005, r"$5\cdot 10^{-3}$"), (1e-3, "$10^{-3}$"), (200.0, r"$2\cdot 10^{2}$"),
     (1e5, "$10^{5}$")],
)  # fmt: skip
def test_a_label_is_the_value(value: float, said: str) -> None:
    assert log_ticks(value) == said


@pytest.mark.parametrize(("low", "high"), [(0.11, 0.9), (0.1, 30.0), (1e-9, 10.0), (1e-16, 1e3)])
def test_an_axis_has_labels_however_many_decades_it_spans(low: float, high: float) -> None:
    with drawing():
        _, axes = new_figure(40.0)
        axes.set_yscale("log")
        axes.set_ylim(low, high)
        label_log_axis(axes)
        within = [tick for tick in axes.yaxis.get_majorticklocs() if low <= tick <= high]
    assert 2 <= len(within) <= 12


def test_volume_fractions_of_any_size_have_round_values() -> None:
    assert {0.001, 0.02, 0.5, 20.0, 1e-6} <= set(NICE)
    assert list(NICE) == sorted(NICE)
