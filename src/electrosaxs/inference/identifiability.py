"""Which parameters the data fix: the Fisher information in logarithms of the parameters, and its directions.

An eigenvector of the covariance of logarithms is a product of powers of parameters; its eigenvalue says how well that
product is known. Two parameters that are known only as a product have a correlation near 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ..nouns import FloatArray
from .fit import CellFit
from .parameters import PER_RUN

NOT_KNOWN = 0.3
"""Relative sigma, of exponents and shares the sigma, from which on a parameter counts as not fixed (chosen)."""
NOT_APART = 0.97
"""Correlation from which on two parameters count as not fixed apart (chosen); it costs each a factor 4 of its sigma."""
SHARPER = 5.0
"""A product of powers is worth naming where it is known this many times better than either factor (chosen)."""
LARGEST_POWER = 4.0
"""Beyond it (chosen) a product says little more than that one factor is known and the other is not."""
WHOLE = 0.15
"""Exponents are named by the nearest whole ratio where that is within this share of what the data say (chosen)."""


@dataclass(frozen=True)
class Product:
    """first^power / second (or first^power x second): known to `sigma` (relative), each factor alone to `alone`.

    power is above 0; inverse: the second parameter divides.
    """

    first: str
    second: str
    power: float
    inverse: bool
    sigma: float
    alone: tuple[float, float]
    correlation: float


@dataclass(frozen=True, eq=False)
class Knowledge:
    """labels: the parameters asked about. relative (n,): sigma of their logarithm (of exponents and shares their own).

    correlation (n, n). products: pairs that are not fixed apart. unknown: labels that the data do not fix.
    """

    labels: tuple[str, ...]
    relative: FloatArray
    correlation: FloatArray
    products: tuple[Product, ...]
    unknown: tuple[str, ...]

    def product_of(self, label: str) -> Product | None:
        """The sharpest product in which a parameter is known while it is not known apart."""
        having = [item for item in self.products if label in (item.first, item.second)]
        return min(having, key=lambda item: item.sigma, default=None)


def knowledge(fit: CellFit) -> Knowledge:
    """What the data of a fit say of its shared parameters; those that a limit holds are not among them."""
    asked = [
        k for k, item in enumerate(fit.problem.layout.free) if item.parameter.name not in PER_RUN and not fit.fixed[k]
    ]
    labels = tuple(fit.labels[k] for k in asked)
    scale = np.array([_to_logarithm(fit, k) for k in asked])
    covariance = fit.covariance[np.ix_(asked, asked)] * np.outer(scale, scale)
    relative = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(relative, relative)
    return Knowledge(labels, relative, correlation, _products(labels, covariance), tuple(_unknown(labels, relative)))


def _to_logarithm(fit: CellFit, k: int) -> float:
    """d(ln value)/dx of a parameter whose size is known by its logarithm, 1 (d value/dx) for exponents and shares: these
    may be 0, and 0.001 +/- 0.003 is well known."""
    item, x = fit.problem.layout.free[k], float(fit.x[k])
    if item.parameter.scale == "linear":
        return 1.0
    return abs(item.parameter.slope(x)) / max(abs(item.parameter.value(x)), 1e-30)


def _unknown(labels: Sequence[str], relative: FloatArray) -> list[str]:
    return [label for label, sigma in zip(labels, relative, strict=True) if sigma > NOT_KNOWN]


def _products(labels: Sequence[str], covariance: FloatArray) -> tuple[Product, ...]:
    """Pairs with a correlation near 1, each as the product that is known best."""
    found = []
    for a, b in combinations(range(len(labels)), 2):
        pair = covariance[np.ix_([a, b], [a, b])]
        alone = np.sqrt(np.diag(pair))
        correlation = float(pair[0, 1] / (alone[0] * alone[1]))
        if abs(correlation) < NOT_APART:
            continue
        sharpest = np.linalg.eigh(pair)[1][:, 0]
        first, second = (a, b) if abs(sharpest[0]) >= abs(sharpest[1]) else (b, a)
        power = _rounded(float(np.abs(sharpest).max() / max(np.abs(sharpest).min(), 1e-12)))
        inverse = sharpest[0] * sharpest[1] < 0.0
        weights = np.zeros(len(labels))
        weights[first], weights[second] = power, -1.0 if inverse else 1.0
        sigma = float(np.sqrt(weights @ covariance @ weights))
        spread = (float(np.sqrt(covariance[first, first])), float(np.sqrt(covariance[second, second])))
        if power <= LARGEST_POWER and sigma * SHARPER < min(power * spread[0], spread[1]):
            found.append(Product(labels[first], labels[second], power, inverse, sigma, spread, correlation))
    return tuple(found)


def _rounded(power: float) -> float:
    """The nearest whole number, or the power to two digits where none is near."""
    whole = round(power)
    return float(whole) if abs(whole / power - 1.0) <= WHOLE else float(f"{power:.2g}")
