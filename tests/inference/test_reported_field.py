"""Which of the fits that are compared is reported."""

from types import SimpleNamespace
from typing import cast

import pytest

from electrosaxs.inference.compare import Candidate, Comparison
from electrosaxs.inference.fit import CellFit
from electrosaxs.inference.parameters import Model

PLAIN, CONDUCTING = Model("fast-exchange", "none", "nominal"), Model("fast-exchange", "none", "conduction")
PERMANENT = Model("permanent", "none", "nominal")


def compared(**criterion: float) -> Comparison:
    models = {"plain": PLAIN, "conducting": CONDUCTING, "permanent": PERMANENT}
    fits = [
        Candidate(models[name], cast(CellFit, SimpleNamespace(bayes=value, name=name)))
        for name, value in criterion.items()
    ]
    return Comparison(tuple(sorted(fits, key=lambda one: one.bayes)))


@pytest.mark.parametrize(
    ("criterion", "reported"),
    [
        ({"plain": 400.0, "conducting": 399.9}, "plain"),
        ({"plain": 400.0, "conducting": 391.0}, "plain"),
        ({"plain": 400.0, "conducting": 380.0}, "conducting"),
        ({"plain": 400.0, "conducting": 402.0}, "plain"),
        ({"permanent": 399.0, "plain": 400.0}, "permanent"),
        ({"permanent": 400.0, "conducting": 399.0}, "conducting"),
    ],
)
def test_another_field_than_the_nominal_one_is_reported_where_the_data_decide(
    criterion: dict[str, float], reported: str
) -> None:
    assert cast(SimpleNamespace, compared(**criterion).best).name == reported
