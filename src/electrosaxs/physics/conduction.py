"""The field in a solution that conducts: Ohm's law between two electrodes, without space charge.

An apolar solution conducts by few carriers, but the charge relaxes in eps / kappa (0.5 ms at 40 nS/m) while the profile
moves in minutes: at every moment the current density is the same at every height, j = kappa(z) E(z), and the field is
weak where carriers gather (leaky dielectric: Melcher & Taylor 1969; carriers in apolar media: Strubbe & Neyts 2017).
Left out: the diffusion current, whose potential is kT/e times the logarithm of the carriers' ratio, 0.1 V for fifty.
SI floats and arrays.
"""

from __future__ import annotations

import numpy as np

from ..materials.constants import ELEMENTARY_CHARGE_C
from ..nouns import FloatArray


def relative_conductivity(carriers: FloatArray, share: float) -> FloatArray:
    """kappa / kappa_0 = 1 - s + s c / c_0: a background that does not change, and what the charged particles carry.

    carriers: c / c_0, over that of the starting solution; share: s, of the starting solution's conductivity.
    """
    return 1.0 - share + share * carriers


def carrier_conductivity(number_density: FloatArray, charge: FloatArray, mobility: FloatArray) -> FloatArray:
    """kappa = n z e u in S/m: n particles per m3 that carry z elementary charges while they carry any.

    mobility u (m2/(V s)): mean over the particles, charged or not. 39 nS/m for phi = 8e-4 of 7.1 nm silver of which
    4.5 % carry one charge; counter-ions are not counted.
    """
    return np.asarray(number_density * charge * ELEMENTARY_CHARGE_C * mobility)


def series_field(voltage: float, spacing: FloatArray, conductivity: FloatArray) -> tuple[FloatArray, float]:
    """Field (V/m) between neighbouring nodes and the current density, for `conductivity` at the nodes.

    Half of each interval conducts as its lower node, half as its upper one, in series: E = j (1/kappa_a + 1/kappa_b) / 2.
    The sum of E times spacing is the voltage, and the current the same through every interval, both to rounding.
    `conductivity` in S/m gives A/m2; relative to that of the starting solution it gives j / kappa_0 (V/m).
    """
    resistivity = 1.0 / conductivity
    between = 0.5 * (resistivity[1:] + resistivity[:-1])
    current = voltage / float(spacing @ between)
    return np.asarray(current * between), current
