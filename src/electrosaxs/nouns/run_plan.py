"""A run that is to be measured: what PLAN.toml says (docs/how-to/acquire.md). Units stand in the names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from .run import AnalysisSettings, Beam, Cell, DetectorFiles, RunTitle, Solution, check_beam, check_field
from .settings import NotNegative, Positive, Settings, WrongSetting
from .voltage import VoltageProgram

LONGEST_TIMEOUT_S = 60.0
HEIGHTS_UM = (0.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0, 400.0, 600.0, 1000.0, 1400.0, 1800.0, 2600.0, 3400.0)


class PlanTitle(RunTitle):
    """What the run is called; tiled: address of a Tiled server that gets its documents, absent: none."""

    tiled: str | None = None

    @model_validator(mode="after")
    def _address(self) -> PlanTitle:
        if self.tiled is not None and not self.tiled.startswith(("http://", "https://")):
            raise WrongSetting("tiled", self.tiled, "is no address", 'give it as "http://HOST:PORT"')
        if self.tiled is not None and ("api_key" in self.tiled or "@" in self.tiled):
            raise WrongSetting(
                "tiled", "an address with a key in it", "a key is no part of a plan, which is copied into the run folder",
                "leave it out and set TILED_API_KEY in the environment",
            )  # fmt: skip
        return self


class SourceMeterSettings(Settings):
    """Which meter, and the limits that nothing in the plan can go beyond. resource: of VISA; absent: the simulated one.

    watchdog_s: wall; how long the output outlives whoever steers it. watchdog: the timer in the meter (2450), a second
    process, both, or what the meter can.
    """

    resource: str | None = None
    dialect: Literal["auto", "2450", "2400"] = "auto"
    compliance_A: Annotated[float, Field(gt=0, le=1.05)] = 1e-6
    max_voltage_V: Annotated[float, Field(gt=0, le=210)] = 40.0
    max_ramp_V_per_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.5
    max_charge_C: Positive = 0.1
    timeout_s: Annotated[float, Field(gt=0, le=LONGEST_TIMEOUT_S)] = 2.0
    watchdog_s: Annotated[float, Field(ge=1, le=600)] = 10.0
    watchdog: Literal["auto", "instrument", "guard", "both"] = "auto"


class BeamlineSettings(Settings):
    """Where the frames come from. experiment: what a simulated cell really is; absent: the paper's. speed: seconds of its
    clock per wall second at most, 0: as fast as it can. names: of the process variables of a beamline on EPICS."""

    kind: Literal["simulated", "bridge", "epics"] = "simulated"
    address: str | None = None
    names: Path | None = None
    experiment: Path | None = None
    speed: NotNegative = 1.0

    @model_validator(mode="after")
    def _address_of_a_bridge(self) -> BeamlineSettings:
        if self.kind == "bridge" and self.address is None:
            raise WrongSetting("address", "missing", "a bridge has an address", 'give address = "HOST:PORT"')
        if self.kind == "epics" and self.names is None:
            raise WrongSetting("names", "missing", "process variables have names", 'give names = "names.toml"')
        foreign = {
            "simulated": ("address", "names"), "bridge": ("experiment", "speed", "names"),
            "epics": ("experiment", "speed", "address"),
        }[self.kind]  # fmt: skip
        for key in foreign:
            if key in self.model_fields_set:
                raise WrongSetting(
                    key, getattr(self, key), f'does not belong to kind = "{self.kind}"', "leave it out, or correct kind"
                )
        return self


class FormSettings(Settings):
    """In which form the frames are left."""

    form: Literal["nexus", "cbf"] = "nexus"


class ScanPlan(Settings):
    """Which heights above the anode are visited, from when to when. A scan begins every period_s of the beamline's clock,
    or at once where the last one took longer. max_dose_s: exposure on one lateral position, then a fresh spot."""

    heights_um: Annotated[list[NotNegative], Field(min_length=1)] = Field(default_factory=lambda: list(HEIGHTS_UM))
    exposure_s: Annotated[float, Field(gt=0, le=3600)] = 1.0
    period_s: Positive = 300.0
    duration_s: Positive = 3300.0
    reference_frames: Annotated[int, Field(ge=1)] = 6
    solvent_frames: Annotated[int, Field(ge=0)] = 6
    background: Path | None = None
    alignment: bool = True
    max_dose_s: Positive = 600.0

    @model_validator(mode="after")
    def _solvent_from_somewhere(self) -> ScanPlan:
        if (self.solvent_frames == 0) != (self.background is not None):
            raise WrongSetting(
                "solvent_frames", self.solvent_frames, "solvent_frames = 0 and background belong together",
                "give background = the run.toml that has solvent frames, or a number of frames above 0",
            )  # fmt: skip
        if len(set(self.heights_um)) != len(self.heights_um):
            raise WrongSetting("heights_um", self.heights_um, "a height stands twice", "name each height once")
        return self


class PlanDetector(DetectorFiles):
    """As in run.toml; a simulated beamline has its own geometry and mask where they are absent."""

    geometry: Path | None = None  # type: ignore[assignment]  # what is left out is found before a DetectorFiles is made of it


class NucleationStep(Settings):
    """After the wall was held below onset: the slice flux that gives so many islands, by a calibration (a CSV table of
    density_per_mm2 against slice_flux_m_per_s), from at_s after field-on on."""

    at_s: Positive
    islands_per_mm2: Positive
    calibration: Path


class HeldFlux(Settings):
    """A flux that is held by steering the voltage (docs/how-to/hold.md).

    flux: "slice", the rate of the slice at the anode, crystals counted; "supply", phi0 v far from both walls; or "wall", phi at
    the anode at wall_share of the solubility, brought there by the set-point as a slice flux; nucleate: the step that ends it.
    solubility_prior: relative sigma of the solubility; absent: 0.3, of the wall 0.02. model: what
    is believed at the start ([transport], [growth] and the sizes of an experiment); fit: a fit's folder, whose parameters
    replace those of the model. charge_prior: relative sigma of effective_charge in that belief. fallback_voltage_V: where
    frames stop (stale_after_s), quality drops or the estimate is lost. at_end: what happens where the set-point is no
    longer within limits. watch_s: pause between two looks at the lowest heights, between two scans, while crystals may
    be beginning; absent: 1, of the wall 60 (1 after its step); 0: no looks.
    """

    flux: Literal["slice", "supply", "wall"] = "slice"
    set_point_m_per_s: Annotated[float, Field(gt=0, le=1e-6)] = 2.8e-10
    model: Path = Path("experiment.toml")
    fit: Path | None = None
    charge_prior: Annotated[float, Field(gt=0, le=2)] = 0.3
    solubility_prior: Annotated[float, Field(gt=0, le=2)] | None = None
    wall_share: Annotated[float, Field(gt=0, lt=1)] = 0.97
    nucleate: NucleationStep | None = None
    start_voltage_V: Positive = 10.0
    fallback_voltage_V: NotNegative = 5.0
    stale_after_s: Positive = 600.0
    watch_s: NotNegative | None = None
    at_end: Literal["stop", "fallback", "limit"] = "stop"

    @model_validator(mode="after")
    def _step_from_the_wall(self) -> HeldFlux:
        for key in ("nucleate", "wall_share"):
            if self.flux != "wall" and key in self.model_fields_set:
                raise WrongSetting(
                    key,
                    "given",
                    f'belongs to flux = "wall"; here it is "{self.flux}"',
                    "leave it out, or hold the wall",
                )
        return self


class RunPlan(Settings):
    """One run to be measured; paths are absolute once read."""

    run: PlanTitle = PlanTitle()
    cell: Cell
    solution: Solution
    beam: Beam
    detector: PlanDetector = PlanDetector()
    analysis: AnalysisSettings = AnalysisSettings()
    source_meter: SourceMeterSettings = SourceMeterSettings()
    beamline: BeamlineSettings = BeamlineSettings()
    frames: FormSettings = FormSettings()
    scan: ScanPlan = ScanPlan()
    voltage: VoltageProgram | None = None
    hold: HeldFlux | None = None

    @model_validator(mode="after")
    def _one_steering(self) -> RunPlan:
        if (self.hold is None) == (self.voltage is None):
            given = "neither is given" if self.hold is None else "both are given"
            raise WrongSetting(
                "voltage", "missing" if self.hold is None else "given",
                f"is required, or else [hold]: one of the two, and {given}", "give time_s and voltage_V, or a flux to hold",
            )  # fmt: skip
        if self.hold is not None:
            self._check_hold(self.hold)
            return self
        assert self.voltage is not None
        highest, allowed = max(abs(v) for v in self.voltage.voltage_V), self.source_meter.max_voltage_V
        if highest > allowed:
            raise WrongSetting(
                "voltage.voltage_V", f"{highest:g}", f"is beyond source_meter.max_voltage_V = {allowed:g}",
                "lower the program, or raise the limit if the cell bears it",
            )  # fmt: skip
        check_field("voltage.voltage_V", highest, self.cell.gap_mm)
        return self

    def _check_hold(self, hold: HeldFlux) -> None:
        """Voltages within the limit of the meter, frames more often than they count as stale, some of the solution alone."""
        allowed = self.source_meter.max_voltage_V
        for key in ("start_voltage_V", "fallback_voltage_V"):
            if (value := getattr(hold, key)) > allowed:
                raise WrongSetting(
                    f"hold.{key}", f"{value:g}", f"is beyond source_meter.max_voltage_V = {allowed:g}",
                    "lower it, or raise the limit if the cell bears it",
                )  # fmt: skip
        if hold.stale_after_s < self.scan.period_s:
            raise WrongSetting(
                "hold.stale_after_s", f"{hold.stale_after_s:g}",
                f"is shorter than scan.period_s = {self.scan.period_s:g}: between two scans frames would be stale",
                "give at least the period",
            )  # fmt: skip
        if max(self.scan.heights_um) < self.beam.fwhm_um:
            raise WrongSetting(
                "scan.heights_um", f"{self.scan.heights_um}",
                f"none is beam.fwhm_um = {self.beam.fwhm_um:g} um clear of what grows on the anode, which no flux is held by",
                "add heights, up to the other electrode if the supply is to be known",
            )  # fmt: skip
        if hold.nucleate is not None and hold.nucleate.at_s >= self.scan.duration_s:
            raise WrongSetting(
                "hold.nucleate.at_s", f"{hold.nucleate.at_s:g}", f"is not before scan.duration_s = {self.scan.duration_s:g}",
                "step earlier, or measure longer",
            )  # fmt: skip
        check_field("hold.start_voltage_V", hold.start_voltage_V, self.cell.gap_mm)

    @model_validator(mode="after")
    def _within_the_cell(self) -> RunPlan:
        check_beam(self.beam, self.cell)
        gap = 1e3 * self.cell.gap_mm
        outside = [h for h in self.scan.heights_um if h > gap]
        if outside:
            raise WrongSetting(
                "scan.heights_um", f"{outside[0]:g}", f"is beyond the gap of {gap:g} um", "correct it or cell.gap_mm"
            )
        if not self.scan.alignment and self.cell.anode_height_um is None:
            raise WrongSetting(
                "cell.anode_height_um", "missing", "is required where scan.alignment = false", "give it, or align"
            )
        if self.beamline.kind != "simulated" and self.detector.geometry is None:
            raise WrongSetting(
                "detector.geometry", "missing", "is required", "give the pyFAI geometry file of this detector"
            )
        return self

    @property
    def program(self) -> VoltageProgram:
        """The voltage program; of a held flux what it begins with."""
        if self.voltage is not None:
            return self.voltage
        assert self.hold is not None
        return VoltageProgram(time_s=[0.0], voltage_V=[self.hold.start_voltage_V])

    @property
    def highest_V(self) -> float:
        """The highest voltage that the run may come to, in either direction."""
        return self.source_meter.max_voltage_V if self.voltage is None else max(abs(v) for v in self.voltage.voltage_V)
