"""What to measure next: chosen frames can be taken, tell what they promise, and use what a real fit knows."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.command_line.app import run as command_line
from electrosaxs.control.limits import Limits
from electrosaxs.control.plant import Plant
from electrosaxs.errors import InputFileError
from electrosaxs.inference.design.cell import FrameNoise
from electrosaxs.inference.fit import fit_model
from electrosaxs.inference.observations import MODEL_ACCURACY, Channel, Observations
from electrosaxs.inference.parameters import Model
from electrosaxs.io.run_toml import read_experiment
from electrosaxs.nouns import Experiment, Number, RunResults, VoltageProgram
from electrosaxs.recipes.plan.measure import MOVE_S, Measure, candidate_programs, measure_next
from electrosaxs.recipes.plan.plan import plan
from electrosaxs.transport import SizeClasses

EXAMPLE = Path(__file__).parents[3] / "examples" / "plan_measure_next.toml"
TWENTY = {"20 V": VoltageProgram(time_s=[0.0], voltage_V=[20.0])}


@pytest.fixture(scope="module")
def settings() -> Experiment:
    """Nothing grows: what is left of the noise is counting, and the fit of the check below is quick."""
    whole = read_experiment(EXAMPLE)
    return whole.model_copy(update={"growth": type(whole.growth)()})


@pytest.fixture(scope="module")
def plant(settings: Experiment) -> Plant:
    sizes = SizeClasses.gaussian(7.1, 1.1, classes=13)
    return Plant(settings.cell, settings.solution, sizes, settings.transport, settings.growth)


@pytest.fixture(scope="module")
def found(settings: Experiment, plant: Plant) -> Measure:
    return measure_next(settings, plant, "diffusivity_scale", TWENTY)


def test_chosen_frames_are_as_many_and_a_stage_can_drive_them(settings: Experiment, found: Measure) -> None:
    frames, scan = found.best.frames, settings.scan
    assert frames.slot.size == scan.scans * len(scan.heights_um) == found.even.slot.size
    times, heights = found.times[frames.slot], found.heights[frames.level]
    assert np.diff(times).min() >= scan.exposure_s + MOVE_S
    assert times[-1] + 0.5 * scan.exposure_s <= scan.duration_s * (1.0 + 1e-12)
    for number in range(scan.scans):
        assert np.all(np.diff(heights[frames.scan == number]) >= 0.0)
    np.testing.assert_array_equal(np.bincount(frames.scan), len(scan.heights_um))


def test_even_frames_are_those_that_the_experiment_has(settings: Experiment, found: Measure) -> None:
    from electrosaxs.twin.schedule import schedule

    taken = schedule(settings)
    assert_close(found.times[found.even.slot], taken.time[taken.in_map], rel=1e-12)
    assert_close(found.heights[found.even.level], taken.height[taken.in_map], rel=1e-12, floor=1e-9)


def measured_at(settings: Experiment, plant: Plant, time: np.ndarray, height: np.ndarray) -> Observations:
    """What frames at those moments and heights would give, without noise, with the sigma that the design assumes."""
    noise, start = FrameNoise(), settings.solution.volume_fraction
    run = Observations(
        title="frames", cell=settings.cell, solution=settings.solution, program=TWENTY["20 V"],
        beam_fwhm_um=settings.beam.fwhm_um, shape=(1, time.size), row=np.zeros(time.size, dtype=int),
        column=np.arange(time.size), time=time, height=height, channels={},
        start_diameter=Number(7.1, noise.diameter / 6**0.5, "nm", "reference"),
        start_polydispersity=Number(1.1 / 7.1, noise.deviation / 6**0.5 / 7.1, "one", "reference"),
    )  # fmt: skip
    from electrosaxs.inference.forward import predict

    truth = {"effective_charge": 0.045, "charge_exponent": 2.0, "diffusivity_scale": 1.0, "starting_diameter": 7.1,
             "starting_polydispersity": 1.1 / 7.1}  # fmt: skip
    made = predict(run, Model(), truth)
    phi = made.volume_fraction
    weak = np.sqrt((phi + 0.05 * start) * start) / phi
    counting = {
        "volume_fraction": noise.volume_fraction * weak * phi, "diameter": noise.diameter * weak,
        "deviation": noise.deviation * weak,
    }  # fmt: skip
    channels = {}
    for name, sigma in counting.items():
        relative, absolute = MODEL_ACCURACY[name]
        values = made.channel(name)
        shared = {"reference": noise.volume_fraction / 6**0.5 * phi} if name == "volume_fraction" else {}
        spread = np.hypot(sigma, relative * values + absolute)
        channels[name] = Channel(values, spread, shared, np.ones(phi.size, dtype=bool))
    from dataclasses import replace

    return replace(run, channels=channels)


def test_a_fit_to_the_chosen_frames_has_the_sigma_that_was_promised(
    settings: Experiment, plant: Plant, found: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another route to the same number: the derivatives and the covariance of `fit_model`, not those of the design."""
    monkeypatch.setattr("electrosaxs.inference.design.cell.FOOTPRINT", 0.0)  # the fit here knows the footprint
    known = measure_next(settings, plant, "diffusivity_scale", TWENTY)
    for frames, promised in ((known.best.frames, known.best.sigma), (known.even, known.best.even_sigma)):
        run = measured_at(settings, plant, known.times[frames.slot], known.heights[frames.level])
        fit = fit_model([run], Model(), start={"effective_charge": 0.045})
        assert_close(fit.sigma("diffusivity_scale"), promised, rel=0.08)
    # an error of the footprint that no repetition improves costs the even scan more than the chosen frames
    assert found.best.even_sigma > 1.2 * known.best.even_sigma
    assert found.best.sigma < 0.75 * found.best.even_sigma
    assert found.best.repeats > 1.8


@pytest.mark.usefixtures("unrendered")
def test_better_known_parameters_stay_better_known_and_a_real_fit_is_carried(
    quiet_results: tuple[RunResults, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Frames to maps to fit to plan, by the commands that a user types."""
    fit, out = tmp_path / "fit", tmp_path / "plan"
    models = [word for name in ("fast-exchange", "none", "nominal") for word in ("--model", name)]
    assert command_line(["fit", str(quiet_results[1]), *models, "--out", str(fit), "--quiet"]) == 0
    command = ["plan", str(EXAMPLE), "--target", "enrichment=12", "--measure", "effective_charge", "--fit", str(fit)]
    assert command_line([*command, "--out", str(out)]) == 0
    fitted = json.loads((fit / "numbers.json").read_text())["effective_charge"]
    numbers = json.loads((out / "numbers.json").read_text())
    assert 0.0 < numbers["plan_reached"]["sigma"] < 0.02 * numbers["plan_reached"]["value"]
    assert_close(numbers["plan_measure_sigma_before"]["value"], fitted["sigma"], rel=1e-6)
    chosen, even = (numbers[f"plan_measure_sigma{end}"]["value"] for end in ("", "_even"))
    assert chosen < even < fitted["sigma"]
    assert_close(numbers["plan_measure_ratio"]["value"], even / chosen, rel=1e-9)
    assert read_experiment(out / "experiment.toml").transport.effective_charge == fitted["value"]
    with (out / "measure.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 54
    assert float(rows[-1]["even_time_s"]) == 2399.5
    assert all(float(row["volume_fraction"]) > 0.0 for row in rows)
    assert 'id="measure_next"' in (out / "report.html").read_text()
    assert "plan_measure_ratio" in capsys.readouterr().out


def test_no_voltage_of_the_design_is_above_the_limit(settings: Experiment, plant: Plant) -> None:
    programs = candidate_programs(settings, plant, Limits(highest=12.0, ramp=0.1))
    assert "the experiment's own" not in programs
    assert max(max(program.voltage_V) for program in programs.values()) == 12.0
    for program in programs.values():
        assert np.all(np.diff(program.voltage_V) <= 0.1 * np.diff(program.time_s) * (1.0 + 1e-9))


def test_a_program_that_steps_at_field_on_is_not_tried_where_the_ramp_is_limited(
    settings: Experiment, plant: Plant
) -> None:
    limits = Limits(highest=30.0, ramp=0.1)
    programs = candidate_programs(settings, plant, limits)
    assert not any("own" in name for name in programs)
    for program in programs.values():
        assert limits.exceeded(program, plant.cell, plant.transport) == ""


def test_the_experiments_own_constant_voltage_is_tried_once(settings: Experiment, plant: Plant) -> None:
    programs = candidate_programs(settings, plant, Limits(highest=40.0))
    ends = [program.voltage_V[-1] for program in programs.values()]
    assert sorted(ends) == [5.0, 10.0, 20.0, 30.0, 40.0]
    assert programs["20 V, the experiment's own"] == settings.voltage


def test_without_a_target_the_best_voltage_is_taken(
    settings: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("electrosaxs.recipes.predict.write_report", lambda *args, **kwargs: None)
    made = plan(settings, measure="charge_exponent", limits=Limits(highest=20.0), out=tmp_path)
    assert made.measure is not None
    sigmas = [one.sigma for one in made.measure.tried]
    assert sigmas == sorted(sigmas)
    assert made.experiment.voltage == made.measure.best.program
    with (tmp_path / "measure_voltages.csv").open() as file:
        assert [float(row["ratio"]) >= 1.0 for row in csv.DictReader(file)] == [True] * len(sigmas)


def test_a_parameter_that_nothing_tells_of_is_refused(settings: Experiment) -> None:
    for name in ("solubility", "charge"):
        with pytest.raises(InputFileError, match=f"--measure = {name}: is not among .*effective_charge.*; name one"):
            plan(settings, measure=name)
    growing = read_experiment(EXAMPLE)
    with pytest.raises(InputFileError, match=r"--measure = attachment_time: no voltage.*; give"):
        plan(growing, measure="attachment_time", limits=Limits(highest=2.0))
    with pytest.raises(InputFileError, match=r"--target = missing: .*; give --target NAME=VALUE, --measure"):
        plan(settings)
