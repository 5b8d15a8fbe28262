"""Dilute spheres with units: form factor, amplitude, Porod constant, Guinier radius, invariant of a distribution.

Diameters are number-weighted with mean d, deviation delta and (optional) skewness; intensity is scale x <F^2> with
F in nm^3, so that scale is number density x contrast^2. The closed forms are in `sphere_kernels`.
"""

from __future__ import annotations

import numpy as np
import scipp as sc

from ..errors import UnitError
from ..units import in_unit
from .size_distribution import mean_volume, skewed_moment
from .sphere_kernels import amplitude, skewed_form_factor


def _wave_numbers(q: sc.Variable) -> np.ndarray:
    values = np.ascontiguousarray(in_unit(q, "1/nm", name="q"))
    if values.ndim != 1:
        raise UnitError(f"q has {values.ndim} dimensions: it must have one")
    return values


def form_factor(q: sc.Variable, *, d: sc.Variable, delta: sc.Variable, skewness: float = 0.0) -> sc.Variable:
    """<F^2> in nm^6 over the dimension of q (1-D)."""
    p = skewed_form_factor(_wave_numbers(q), in_unit(d, "nm"), in_unit(delta, "nm"), float(skewness))
    return sc.array(dims=q.dims, values=p, unit="nm^6")


def mean_amplitude(q: sc.Variable, *, d: sc.Variable, delta: sc.Variable) -> sc.Variable:
    """<F> in nm^3 over the dimension of q (1-D), of a normal distribution."""
    return sc.array(
        dims=q.dims, values=amplitude(_wave_numbers(q), in_unit(d, "nm"), in_unit(delta, "nm")), unit="nm^3"
    )


def decoupling_factor(q: sc.Variable, *, d: sc.Variable, delta: sc.Variable) -> sc.Variable:
    """beta(q) = <F>^2 / <F^2>, dimensionless: how much of the interference survives polydispersity.

    Kotlarchyk & Chen, J. Chem. Phys. 79, 2461 (1983).
    """
    return mean_amplitude(q, d=d, delta=delta) ** 2 / form_factor(q, d=d, delta=delta)


def porod_constant(*, d: sc.Variable, delta: sc.Variable) -> sc.Variable:
    """lim q^4 <F^2> = 2 pi <S> = 2 pi^2 <d^2>, nm^2: mean over the fringes at large q."""
    second = skewed_moment(2, in_unit(d, "nm"), in_unit(delta, "nm"), 0.0)
    return sc.scalar(2.0 * np.pi**2 * float(second), unit="nm^2")


def guinier_radius(*, d: sc.Variable, delta: sc.Variable, skewness: float = 0.0) -> sc.Variable:
    """R_g = sqrt(3/20 <d^8> / <d^6>) in nm: <F^2> = <V^2> (1 - (q R_g)^2 / 3) at small q."""
    mean, deviation = in_unit(d, "nm"), in_unit(delta, "nm")
    eighth, sixth = (float(skewed_moment(n, mean, deviation, skewness)) for n in (8, 6))
    return sc.scalar(np.sqrt(0.15 * eighth / sixth), unit="nm")


def form_factor_invariant(*, d: sc.Variable, delta: sc.Variable, skewness: float = 0.0) -> sc.Variable:
    """Integral of q^2 <F^2> dq from 0 to infinity = 2 pi^2 <V>, nm^3 (Porod 1951)."""
    return sc.scalar(2.0 * np.pi**2 * float(mean_volume(in_unit(d, "nm"), in_unit(delta, "nm"), skewness)), unit="nm^3")
