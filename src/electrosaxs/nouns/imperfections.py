"""What goes wrong in a simulated beam time: the table [imperfections] of experiment.toml (docs/formats.md). Absent: nothing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from .settings import Finite, NotNegative, Settings, WrongSetting

Share = Annotated[float, Field(ge=0, lt=1)]
Factor = Annotated[float, Field(gt=0, le=100)]
LARGEST_DRIFT = 0.5
LARGEST_OFFSET_UM = 1000.0


class MonitorGlitch(Settings):
    """The monitor of some frames, numbered as in the frame table, reads `factor` times what it should."""

    frames: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    factor: Factor


class Bubble(Settings):
    """Gas in a share of the beam's path, at some heights (um above the anode), from the first to the last of two times (s)."""

    heights_um: list[Finite] = Field(min_length=1)
    time_s: list[Finite] = Field(min_length=2, max_length=2)
    share: Share

    @model_validator(mode="after")
    def _from_to(self) -> Bubble:
        if self.time_s[1] <= self.time_s[0]:
            raise WrongSetting("time_s", f"{self.time_s}", "must be a first and a later time", "give both in s")
        return self


class Deposit(Settings):
    """At some heights (um above the anode) particles stay on the windows: `growth_per_s` of those of the starting solution more
    with each second in the beam."""

    heights_um: list[Finite] = Field(min_length=1)
    growth_per_s: Annotated[float, Field(ge=0, le=100)]


class ModuleOff(Settings):
    """Detector modules, numbered row by row from 0, that read `value` in all pixels from `from_s` on."""

    modules: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    from_s: Finite
    value: Annotated[int, Field(ge=-2, le=2**20)] = 0


class Imperfections(Settings):
    """Noise (relative, per frame) and drift (relative, from field-on to the last frame) of monitor and transmission, beyond
    those that every simulated beamline has, and faults of single frames. interaction between dissolved particles, of core and
    solvated shell; stickiness: Baxter's tau of their surfaces, attraction outweighs below 0.25. dead_time_ns: of each pixel,
    paralysable. height_offset_um: by which the anode's height in run.toml is too large; height_backlash_um: by which
    the beam stands higher than said where the stage came from above; distance_error: relative, of the distance in the
    geometry file; centre_shift_px: of the beam against what that file says, along the rows. anode_tilt_mrad: of the anode along
    the beam; anode_roughness_um: rms of its waviness; islands: crystals are islands on it that stand in the light, absorb
    what passes through them and hide behind the anode's highest line, and not spread over the beam; island_density_per_mm2:
    their number without [nucleation]. double_scattering: photons are scattered as often as they are."""

    monitor_noise: NotNegative = 0.0
    monitor_glitch: MonitorGlitch | None = None
    monitor_drift: Annotated[float, Field(ge=-LARGEST_DRIFT, le=LARGEST_DRIFT)] = 0.0
    transmission_noise: NotNegative = 0.0
    transmission_drift: Annotated[float, Field(ge=-LARGEST_DRIFT, le=LARGEST_DRIFT)] = 0.0
    bubble: Bubble | None = None
    deposit: Deposit | None = None
    module_off: ModuleOff | None = None
    centre_shift_px: Annotated[float, Field(ge=-100, le=100)] = 0.0
    dead_time_ns: Annotated[float, Field(ge=0, le=1e5)] = 0.0
    interaction: Literal["none", "hard-spheres", "sticky"] = "none"
    stickiness: Annotated[float, Field(ge=0.1, le=10)] = 0.2
    height_offset_um: Annotated[float, Field(ge=-LARGEST_OFFSET_UM, le=LARGEST_OFFSET_UM)] = 0.0
    height_backlash_um: Annotated[float, Field(ge=-LARGEST_OFFSET_UM, le=LARGEST_OFFSET_UM)] = 0.0
    anode_tilt_mrad: Annotated[float, Field(ge=0, le=50)] = 0.0
    anode_roughness_um: Annotated[float, Field(ge=0, le=100)] = 0.0
    islands: bool = False
    island_density_per_mm2: Annotated[float, Field(gt=0, le=1e5)] = 100.0
    double_scattering: bool = False
    distance_error: Annotated[float, Field(ge=-LARGEST_DRIFT, le=LARGEST_DRIFT)] = 0.0
