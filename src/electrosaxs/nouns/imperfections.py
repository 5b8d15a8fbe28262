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


class Selected(Settings):
    """Frames of the map that something happens to: of scans (from 0), at heights (um above the anode), from the first to the
    last of two times (s). Absent: all."""

    scans: list[Annotated[int, Field(ge=0)]] | None = Field(default=None, min_length=1)
    heights_um: list[Finite] | None = Field(default=None, min_length=1)
    time_s: list[Finite] | None = Field(default=None, min_length=2, max_length=2)

    @model_validator(mode="after")
    def _from_to(self) -> Selected:
        if self.time_s is not None and self.time_s[1] <= self.time_s[0]:
            raise WrongSetting("time_s", f"{self.time_s}", "must be a first and a later time", "give both in s")
        return self


class Bubble(Selected):
    """Gas in a share of the beam's path."""

    share: Share


class BeamLost(Selected):
    """No photons come; the monitor, and the diode behind the sample, go on counting `dark` of what they count in the beam."""

    dark: Share = 0.0


class HotPixels(Settings):
    """So many pixels more that count by themselves, from `from_s` on."""

    number: Annotated[int, Field(ge=0, le=100_000)]
    from_s: Finite = 0.0


class Deposit(Settings):
    """At some heights (um above the anode; absent: at all) particles stay on the windows: `growth_per_s` of those of the
    starting solution more with each second in the beam."""

    heights_um: list[Finite] | None = Field(default=None, min_length=1)
    growth_per_s: Annotated[float, Field(ge=0, le=100)]


class ModuleOff(Settings):
    """Detector modules, numbered row by row from 0, that read `value` in all pixels from `from_s` on."""

    modules: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    from_s: Finite
    value: Annotated[int, Field(ge=-2, le=2**20)] = 0


class Imperfections(Settings):
    """Noise (relative, per frame) and drift (relative, from field-on to the last frame) of monitor and transmission, beyond
    those that every simulated beamline has, and faults of single frames. beam_drift: of the photons themselves;
    solvent_drift: of the solvent's scattering; parasitic: light beside the cell's, from frame to frame, in parts of the
    solvent's. interaction between dissolved particles, of core and
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
    beam_drift: Annotated[float, Field(ge=-LARGEST_DRIFT, le=LARGEST_DRIFT)] = 0.0
    beam_lost: BeamLost | None = None
    transmission_noise: NotNegative = 0.0
    transmission_drift: Annotated[float, Field(ge=-LARGEST_DRIFT, le=LARGEST_DRIFT)] = 0.0
    solvent_drift: Annotated[float, Field(ge=-LARGEST_DRIFT, le=LARGEST_DRIFT)] = 0.0
    parasitic: Annotated[float, Field(ge=0, le=1)] = 0.0
    bubble: Bubble | None = None
    deposit: Deposit | None = None
    module_off: ModuleOff | None = None
    hot_pixels: HotPixels | None = None
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
    convection_um_per_s: float = 0.0

    @model_validator(mode="after")
    def _no_convection(self) -> Imperfections:
        if self.convection_um_per_s:
            raise WrongSetting(
                "convection_um_per_s", f"{self.convection_um_per_s:g}", "must be 0: the cell is simulated without convection",
                "leave it out",
            )  # fmt: skip
        return self
