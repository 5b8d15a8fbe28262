"""What the voltage between the electrodes was, or is to be."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from .base import FloatArray
from .settings import Finite, Settings, WrongSetting


class VoltageProgram(Settings):
    """Piecewise linear in time; constant before the first and after the last point."""

    time_s: list[Finite] = Field(min_length=1)
    voltage_V: list[Finite] = Field(min_length=1)

    @model_validator(mode="after")
    def _increasing(self) -> VoltageProgram:
        if len(self.time_s) != len(self.voltage_V):
            raise WrongSetting(
                "voltage_V", f"{len(self.voltage_V)} values", f"must have the same length as time_s, {len(self.time_s)}",
                "give one voltage (V) for each time (s)",
            )  # fmt: skip
        for earlier, later in pairwise(self.time_s):
            if later <= earlier:
                raise WrongSetting("time_s", f"{later:g} after {earlier:g}", "time_s must increase", "sort the points")
        return self

    def at(self, time_s: npt.ArrayLike) -> FloatArray:
        """V(t) (V) at times (s) of any shape."""
        return np.asarray(np.interp(np.asarray(time_s, dtype=np.float64), self.time_s, self.voltage_V))
