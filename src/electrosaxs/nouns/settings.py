"""What every table of settings is, and how a table refuses a value."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Settings(BaseModel):
    """Base of every settings table: unknown keys are refused, values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WrongSetting(ValueError):
    """Refuses the value of one key where a rule spans several: raised by validators, told by `io.toml_settings`.

    field: the key as the file writes it, seen from the table whose validator raises.
    """

    def __init__(self, field: str, value: Any, rule: str, remedy: str) -> None:
        super().__init__(f"{field} = {value}: {rule}; {remedy}")
        self.field, self.value, self.rule, self.remedy = field, value, rule, remedy
