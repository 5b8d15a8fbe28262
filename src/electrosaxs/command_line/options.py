"""Options of the command line that are more than one value: limits of a plan, parameters held in a fit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict, get_args

from ..control.limits import Limits
from ..errors import InputFileError, bad_value
from ..inference.parameters import GrowthModel
from ..nouns.experiment import ChargeModel, FieldModel


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
        name, _, value = (part.strip() for part in text.partition("="))
        if name in fixed:
            raise bad_value(
                InputFileError, where="command line", field="--fix", value=text,
                rule=f"holds {name} at a second value", remedy="hold each parameter once",
            )  # fmt: skip
        try:
            fixed[name] = float(value)
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


class ModelChoice(TypedDict, total=False):
    """Models to compare, by kind; a kind that is absent keeps its default."""

    charge_models: list[ChargeModel]
    growth_models: list[GrowthModel]
    field_models: list[FieldModel]


def chosen_models(names: Iterable[str]) -> ModelChoice:
    """{"field_models": ["conduction"]} from ["conduction"]: no two kinds share a name. InputFileError for another name."""
    choice = ModelChoice()
    for name in names:
        if name in get_args(ChargeModel):
            choice.setdefault("charge_models", []).append(name)  # type: ignore[arg-type]
        elif name in get_args(GrowthModel):
            choice.setdefault("growth_models", []).append(name)  # type: ignore[arg-type]
        elif name in get_args(FieldModel):
            choice.setdefault("field_models", []).append(name)  # type: ignore[arg-type]
        else:
            known = [*get_args(ChargeModel), *get_args(GrowthModel), *get_args(FieldModel)]
            raise bad_value(
                InputFileError, where="command line", field="--model", value=name,
                rule=f"must be one of {', '.join(known)}", remedy="name one model per --model",
            )  # fmt: skip
    return choice
