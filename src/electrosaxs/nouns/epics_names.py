"""The process variables of a beamline on EPICS: what names.toml says (docs/how-to/acquire.md). Units stand in the names."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from .settings import Finite, NotNegative, Positive, Settings, WrongSetting

Name = Annotated[str, Field(min_length=1)]


class StageNames(Settings):
    """A motor record; height of the beam (um) = um_per_unit times its value. lateral: one across the beam, step_um to a fresh
    spot."""

    motor: Name
    um_per_unit: Finite = 1000.0
    lateral: Name | None = None
    step_um: Positive = 100.0

    @model_validator(mode="after")
    def _moves(self) -> StageNames:
        if self.um_per_unit == 0.0:
            raise WrongSetting(
                "um_per_unit", 0, "is 0", "give the um of one unit of the motor (1000 for mm, -1000 reversed)"
            )
        return self


class DetectorNames(Settings):
    """An areaDetector: prefixes of its camera and of the plugin that serves its images (NDPluginStdArrays)."""

    camera: Name
    image: Name
    name: str = "detector"
    saturation: Positive | None = None


class DiodeNames(Settings):
    """Two counters over an exposure, begun with `count` for `preset` seconds. transmission = transmitted / monitor / empty,
    each less its dark counts; without `transmitted` there is none."""

    preset: Name
    count: Name
    monitor: Name
    transmitted: Name | None = None
    empty: Positive = 1.0
    monitor_dark_per_s: NotNegative = 0.0
    transmitted_dark_per_s: NotNegative = 0.0


class SampleNames(Settings):
    """What brings a sample into the beam, and its value for each; a value that is absent cannot be asked for."""

    changer: Name
    solution: Finite | None = None
    solvent: Finite | None = None
    empty: Finite | None = None


class EpicsNames(Settings):
    """All of a beamline. samples: absent, the solution stands in the beam throughout. timeout_s: of a connection."""

    stage: StageNames
    detector: DetectorNames
    diodes: DiodeNames
    samples: SampleNames | None = None
    timeout_s: Positive = 5.0
