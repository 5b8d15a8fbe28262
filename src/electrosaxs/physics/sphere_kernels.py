"""Polydisperse spheres in closed form: diameters normally distributed, number-weighted, mean d and deviation delta.

The amplitude of one sphere is F = V 3 (sin x - x cos x) / x^3 = 4 pi (sin x - x cos x) / q^3 with x = q d / 2 and
V = pi d^3 / 6, so that <F^2> = 16 pi^2 q^-6 <f(x)>, and

    f(x) = (sin x - x cos x)^2 = (1 + x^2) / 2 - (1 - x^2) / 2 cos 2x - x sin 2x.

x is normal with mean u and deviation t, hence with E = exp(2iu - 2t^2) and w = u + 2it^2 the characteristic
function gives <e^2ix> = E, <x e^2ix> = w E, <x^2 e^2ix> = (w^2 + t^2) E. The average over a normal obeys the heat
equation, so its derivative in t is t <f''>, and a skewness g adds (Gram-Charlier) g t^3 / 6 <f'''>: mean and
deviation stay d and delta, and <d^3> gains g delta^3. Below x = 0.4, where the terms cancel, f is its power series
in the moments.

Everything is in nm and 1/nm; negative diameters of the normal's tail count with their even f.
References: Guinier & Fournet 1955 (one sphere); Kotlarchyk & Chen, J. Chem. Phys. 79, 2461 (1983) (averages).
"""

from __future__ import annotations

import math

import numpy as np

from ..compiled import compiled

SERIES_BELOW = 0.4
ORDER = 24
UNIT = 16.0 * math.pi**2
CONTRACT = {"contract"}
"""A product and a sum may be rounded together; nothing else of the order of operations may change."""

QUARTERS_PER_RADIAN = 2.0 / math.pi
QUARTER_HIGH, QUARTER_MIDDLE, QUARTER_LOW = 1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21
"""pi / 2 in three parts: products of the first two with whole numbers below 1e6 are exact."""
S3, S5, S7 = -1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04
S9, S11, S13 = 2.75573137070700676789e-06, -2.50507602534068634195e-08, 1.58969099521155010221e-10
C4, C6, C8 = 4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05
C10, C12, C14 = -2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11
"""Nearest polynomials of sin and cos within 45 degrees (those of fdlibm)."""
DOUBLINGS, DOUBLING_HIGH, DOUBLING_LOW = 1.0 / math.log(2.0), 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""ln 2 in two parts."""
E2, E3, E4, E5, E6, E7, E8, E9, E10, E11, E12, E13 = (1.0 / math.factorial(n) for n in range(2, 14))


def _series(derivatives: int) -> np.ndarray:
    """Coefficients (derivatives, ORDER + 1) of x^n in f, f', f'', ...: even powers from x^6 / 9 on."""
    f = np.zeros(ORDER + 1)
    for k in range(3, ORDER // 2 + 1):
        cosine = -0.5 * 4.0**k / math.factorial(2 * k) - 0.5 * 4.0 ** (k - 1) / math.factorial(2 * k - 2)
        sine = 0.5 * 4.0**k / math.factorial(2 * k - 1)
        f[2 * k] = (-1) ** k * (cosine + sine)
    table = np.zeros((derivatives, ORDER + 1))
    table[0] = f
    for j in range(1, derivatives):
        table[j, :-1] = table[j - 1, 1:] * np.arange(1, ORDER + 1)
    return table


F_SERIES = _series(6)
A_SERIES = np.array(
    [(-1) ** (n // 2 + 1) * (n - 1) / math.factorial(n) if n % 2 and n > 1 else 0.0 for n in range(ORDER + 1)]
)
"""sin x - x cos x = x^3 / 3 - x^5 / 30 + ..."""


@compiled()
def _derivatives_by_series(q, radius, sigma):  # type: ignore[no-untyped-def]
    """q^-6 <f(q r)> and its five derivatives in the mean radius, by the moments of r; also at q = 0."""
    q2, variance = q * q, sigma * sigma
    d0, d1, d2, d3, d4, d5 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    moment, previous = radius, 1.0  # <r^n> and <r^(n-1)>, n odd
    for n in range(1, ORDER, 2):
        odd, even = moment, radius * moment + n * variance * previous  # <r^n>, <r^(n+1)>
        if n >= 5:
            power = q2 ** ((n - 5) // 2)
            d0 += F_SERIES[0, n + 1] * even * power
            d1 += F_SERIES[1, n] * odd * power
        if n >= 3:
            power = q2 ** ((n - 3) // 2)
            d2 += F_SERIES[2, n + 1] * even * power
            d3 += F_SERIES[3, n] * odd * power
        power = q2 ** ((n - 1) // 2)
        d4 += F_SERIES[4, n + 1] * even * power
        d5 += F_SERIES[5, n] * odd * power
        previous = even
        moment = radius * even + (n + 1) * variance * odd
    return d0, d1, d2, d3, d4, d5


@compiled(error_model="numpy", fastmath=CONTRACT, forceinline=True)
def _sine_and_cosine(x):  # type: ignore[no-untyped-def]
    """sin x and cos x for 0 <= x < 1e6, within 2e-16: polynomials without a branch, so that eight are computed at once.

    x less whole quarter turns lies within 45 degrees; series as in Cody & Waite 1980.
    """
    turns = np.rint(x * QUARTERS_PER_RADIAN)
    r = ((x - turns * QUARTER_HIGH) - turns * QUARTER_MIDDLE) - turns * QUARTER_LOW
    z = r * r
    sine = r + r * z * (S3 + z * (S5 + z * (S7 + z * (S9 + z * (S11 + z * S13)))))
    cosine = 1.0 - 0.5 * z + z * z * (C4 + z * (C6 + z * (C8 + z * (C10 + z * (C12 + z * C14)))))
    quarter = turns - 4.0 * np.floor(0.25 * turns)
    swapped = quarter - 2.0 * np.floor(0.5 * quarter)  # 1 after one or three quarters
    behind = 1.0 - 2.0 * np.floor(0.5 * quarter)  # -1 after two or three
    before = 1.0 - 2.0 * np.floor(0.5 * (quarter + 1.0 - 4.0 * np.floor(0.25 * (quarter + 1.0))))  # -1 after one or two
    return (
        behind * (swapped * cosine + (1.0 - swapped) * sine),
        before * (swapped * sine + (1.0 - swapped) * cosine),
    )


@compiled(error_model="numpy", fastmath=CONTRACT, forceinline=True)
def _decay(y):  # type: ignore[no-untyped-def]
    """exp(-y) for y >= 0 within 2e-16, 1e-28 from y = 64 on: 2^-n and the series of what is left of y."""
    y = min(y, 64.0)
    n = np.floor(y * DOUBLINGS + 0.5)
    x = n * DOUBLING_LOW - (y - n * DOUBLING_HIGH)
    high = E8 + x * (E9 + x * (E10 + x * (E11 + x * (E12 + x * E13))))
    e = 1.0 + (x + x * x * (E2 + x * (E3 + x * (E4 + x * (E5 + x * (E6 + x * (E7 + x * high)))))))
    power = 0.5
    for _ in range(7):  # n < 128, bit by bit
        half = np.floor(0.5 * n)
        bit = n - 2.0 * half
        e *= 1.0 - bit + bit * power
        n, power = half, power * power
    return e


@compiled(error_model="numpy", fastmath=CONTRACT, forceinline=True)
def _derivatives_in_closed_form(q, radius, sigma):  # type: ignore[no-untyped-def]
    """q^-6 <f(q r)> and its first five derivatives in the mean radius, r normal (radius, sigma); digits are lost below
    q radius = SERIES_BELOW."""
    u = q * radius
    t2 = (q * sigma) ** 2
    damping = _decay(2.0 * t2)
    sine, cosine = _sine_and_cosine(2.0 * u)
    sine, cosine = damping * sine, damping * cosine
    x_sine, x_cosine = u * sine + 2.0 * t2 * cosine, u * cosine - 2.0 * t2 * sine
    even, odd = u * u - 4.0 * t2 * t2 + t2, 4.0 * u * t2
    xx_sine, xx_cosine = even * sine + odd * cosine, even * cosine - odd * sine
    d0 = 0.5 * (1.0 + u * u + t2 - cosine + xx_cosine) - x_sine
    d1 = u - x_cosine - xx_sine
    d2 = 1.0 - cosine - 2.0 * xx_cosine
    d3 = 2.0 * sine - 4.0 * x_cosine + 4.0 * xx_sine
    d4 = 16.0 * x_sine + 8.0 * xx_cosine
    d5 = 16.0 * sine + 48.0 * x_cosine - 16.0 * xx_sine
    q2 = q * q
    q3 = q * q2
    scale = 1.0 / (q3 * q3)
    return scale * d0, scale * q * d1, scale * q2 * d2, scale * q3 * d3, scale * q2 * q2 * d4, scale * q2 * q3 * d5


@compiled(error_model="numpy")
def _derivatives(q, radius, sigma):  # type: ignore[no-untyped-def]
    """q^-6 <f(q r)> and its first five derivatives in the mean radius, r normal (radius, sigma)."""
    if q * radius < SERIES_BELOW:
        return _derivatives_by_series(q, radius, sigma)
    return _derivatives_in_closed_form(q, radius, sigma)


@compiled(error_model="numpy", fastmath=CONTRACT, forceinline=True)
def _of_skewed(derivatives, sigma, skewness):  # type: ignore[no-untyped-def]
    """P = <F^2> (nm^6) and its derivatives in d, delta and skewness, from those in the radius."""
    d0, d1, d2, d3, d4, d5 = derivatives
    third = skewness * sigma**3 / 6.0
    by_sigma = sigma * d2 + 0.5 * skewness * sigma * sigma * d3 + third * sigma * d5
    return UNIT * (d0 + third * d3), 0.5 * UNIT * (d1 + third * d4), 0.5 * UNIT * by_sigma, UNIT * sigma**3 / 6.0 * d3


@compiled(error_model="numpy")
def sphere_and_gradient(q, d, delta, skewness):  # type: ignore[no-untyped-def]
    """P = <F^2> (nm^6) at one q and its derivatives in d, delta and skewness."""
    return _of_skewed(_derivatives(q, 0.5 * d, 0.5 * delta), 0.5 * delta, skewness)


@compiled(error_model="numpy", fastmath=CONTRACT)
def spheres_and_gradients(q, d, delta, skewness, p, by_d, by_delta, by_skewness):  # type: ignore[no-untyped-def]
    """`sphere_and_gradient` of all q (n,), filled into the last four, (n,) each; without a branch, the first few q again."""
    radius, sigma = 0.5 * d, 0.5 * delta
    for k in range(q.size):
        made = _of_skewed(_derivatives_in_closed_form(q[k], radius, sigma), sigma, skewness)
        p[k], by_d[k], by_delta[k], by_skewness[k] = made
    for k in range(q.size):
        if q[k] * radius < SERIES_BELOW:
            made = _of_skewed(_derivatives_by_series(q[k], radius, sigma), sigma, skewness)
            p[k], by_d[k], by_delta[k], by_skewness[k] = made


@compiled(error_model="numpy", fastmath=CONTRACT)
def skewed_form_factor(q, d, delta, skewness):  # type: ignore[no-untyped-def]
    """P = <F^2> (nm^6), q (n,) in 1/nm, d and delta in nm, skewness of the diameters (0: a normal)."""
    p, rest = np.empty(q.size), np.empty(q.size)
    spheres_and_gradients(q, d, delta, skewness, p, rest, rest, rest)
    return p


@compiled()
def squared_form_factor(q, d, delta):  # type: ignore[no-untyped-def]
    """P = <F^2> (nm^6) of normally distributed diameters, q (n,) in 1/nm, d and delta in nm."""
    return skewed_form_factor(q, d, delta, 0.0)


@compiled()
def squared_form_factor_gradient(q, d, delta):  # type: ignore[no-untyped-def]
    """(P, dP/dd, dP/d delta), each (n,): P in nm^6, derivatives in nm^5."""
    p, by_d, by_delta = np.empty(q.size), np.empty(q.size), np.empty(q.size)
    spheres_and_gradients(q, d, delta, 0.0, p, by_d, by_delta, np.empty(q.size))
    return p, by_d, by_delta


@compiled()
def amplitude(q, d, delta):  # type: ignore[no-untyped-def]
    """<F> (nm^3) of normally distributed diameters: 4 pi q^-3 exp(-t^2/2) [(1 + t^2) sin u - u cos u]."""
    mean = np.empty(q.size)
    radius, sigma = 0.5 * d, 0.5 * delta
    for k in range(q.size):
        u, t2 = q[k] * radius, (q[k] * sigma) ** 2
        if u < SERIES_BELOW:
            total, odd, even = 0.0, radius, radius * radius + sigma * sigma  # <r^n>, <r^(n+1)>
            for n in range(3, ORDER, 2):
                odd = radius * even + (n - 1) * sigma * sigma * odd
                total += A_SERIES[n] * odd * q[k] ** (n - 3)
                even = radius * odd + n * sigma * sigma * even
            mean[k] = 4.0 * math.pi * total
        else:
            wave = (1.0 + t2) * math.sin(u) - u * math.cos(u)
            mean[k] = 4.0 * math.pi * math.exp(-0.5 * t2) * wave / q[k] ** 3
    return mean
