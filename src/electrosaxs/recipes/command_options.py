"""Options of the command line that are more than one value: limits of a plan, parameters held in a fit."""

from __future__ import annotations

from collections.abc import Iterable

from ..control.limits import Limits
from ..errors import InputFileError, bad_value


def plan_limits(
    *, voltage_V: float | None = None, ramp_V_s: float | None = None, current_A: float | None = None
) -> Limits:
    """Limits of a voltage program; what is None keeps its default."""
    given = {"highest": voltage_V, "ramp": ramp_V_s, "current": current_A}
    return Limits(**{name: value for name, value in given.items() if value is not None})


def fixed_parameters(texts: Iterable[str]) -> dict[str, float]:
    """{"charge_exponent": 2.0} from ["charge_exponent=2"]. Raises InputFileError for any other form."""
    fixed = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            fixed[name.strip()] = float(value)
        except ValueError:
            raise bad_value(
                InputFileError,
                where="command line",
                field="--fix",
                value=text,
                rule="must be NAME=VALUE",
                remedy="for example --fix charge_exponent=2",
            ) from None
    return fixed
