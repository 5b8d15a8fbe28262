"""The one crossing between quantities with units and bare floats.

Each noun names its unit; numerical kernels use SI floats, except the scattering kernels, which use nm and 1/nm because only
the product q d enters (docs/decisions/0002).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipp as sc

from .errors import UnitError

METRE_PER_UM = 1e-6
UM_PER_M = 1e6
NM_PER_UM = 1e3
NM_PER_M = 1e9


def quantity(value: Any, unit: str) -> sc.Variable:
    """A scalar with a unit: `quantity(3.5, "mm")`."""
    return sc.scalar(float(value), unit=unit)


def in_unit(variable: sc.Variable, unit: str, *, name: str = "quantity") -> Any:
    """The bare value(s) of `variable` in `unit`: a float for a scalar, else a float64 array.

    Raises UnitError where the dimension of the unit is another one.
    """
    try:
        converted = variable.to(unit=unit, dtype="float64", copy=False)
    except (sc.UnitError, AttributeError) as error:
        got = getattr(variable, "unit", type(variable).__name__)
        raise UnitError(f"{name} has unit {got}: it must be convertible to {unit}") from error
    return float(converted.value) if converted.ndim == 0 else np.asarray(converted.values)
