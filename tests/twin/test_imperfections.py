"""What [imperfections] does to the frames is done to these frames, and to no other number."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from closeness import assert_close
from simulated_runs import quiet_experiment, simulated

from electrosaxs.errors import InputFileError
from electrosaxs.io.poni import read_poni
from electrosaxs.io.results import read_results
from electrosaxs.io.run_toml import read_experiment, read_run
from electrosaxs.recipes.experiment_file import read_with_sizes
from electrosaxs.twin.beamline import Beamline
from electrosaxs.twin.cell import simulate_cell
from electrosaxs.twin.exposure import Exposure
from electrosaxs.twin.scattering_cell import scattering_cell
from electrosaxs.twin.schedule import from_above, schedule

WRONG = {
    "monitor_glitch": {"frames": [31], "factor": 0.5},
    "transmission_drift": 0.01,
    "bubble": {"heights_um": [50.0], "time_s": [70.0, 160.0], "share": 0.4},
    "module_off": {"modules": [0], "from_s": 200.0},
}


def columns(run: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    with h5py.File(run.parent / "frames.nxs") as file:
        table = {name: file[f"entry/frames/{name}"][()] for name in ("monitor", "transmission", "time")}
        return table, file["entry/instrument/detector/data"][()].sum(axis=(1, 2), dtype=float)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("imperfect")
    scan = {"scans": 3, "duration_s": 240.0}
    return simulated(folder / "clean", scan=scan), simulated(folder / "wrong", scan=scan, imperfections=WRONG)


def test_each_fault_is_in_its_frames_alone(runs: tuple[Path, Path]) -> None:
    (clean, photons), (wrong, fewer) = (columns(run) for run in runs)
    monitor = wrong["monitor"] / clean["monitor"]
    assert np.flatnonzero(monitor != 1.0).tolist() == [31]
    assert_close(monitor[31], 0.5, rel=1e-6)
    field = np.isfinite(clean["time"])
    light = np.log(wrong["transmission"] / clean["transmission"])
    drift = np.log1p(0.01 * clean["time"] / clean["time"][field].max())
    gas = np.flatnonzero(field & (np.abs(light - drift) > 1e-6))
    assert gas.size == 1
    assert 0.3 < light[gas[0]] < 0.6
    still = field & (clean["time"] >= 200.0)
    assert np.all(fewer[still] == 0)
    alike = np.setdiff1d(np.flatnonzero(~still), gas)
    assert np.array_equal(fewer[alike], photons[alike])


def test_the_truth_stays_that_of_the_solution_and_the_experiment_can_be_read_back(runs: tuple[Path, Path]) -> None:
    clean, wrong = (read_results(run.parent / "truth.nxs") for run in runs)
    assert_close(wrong.volume_fraction.values, clean.volume_fraction.values, rel=1e-12)
    again = read_experiment(runs[1].parent / "experiment.toml").imperfections
    assert again.bubble is not None
    assert (again.bubble.share, again.transmission_drift) == (0.4, 0.01)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"monitor_glitch": {"frames": [999], "factor": 2.0}}, r"monitor_glitch.frames = 999: the run has"),
        ({"module_off": {"modules": [7], "from_s": 0.0}}, r"module_off.modules = 7: the detector has 1 modules"),
    ],
)
def test_what_the_run_does_not_have_cannot_go_wrong(what: dict[str, object], words: str, tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=words):
        simulated(tmp_path / "run", scan={"scans": 1, "duration_s": 60.0}, imperfections=what)


def test_heights_and_distance_are_wrong_in_the_files_alone(tmp_path: Path) -> None:
    wrong = {"height_offset_um": 7.0, "distance_error": 0.01}
    scan = {"scans": 1, "duration_s": 60.0, "heights_um": [0.0, 1000.0]}
    run = read_run(simulated(tmp_path / "run", scan=scan, imperfections=wrong))
    right = read_run(simulated(tmp_path / "right", scan=scan))
    assert run.cell.anode_height_um == 4.6 + 7.0
    assert right.cell.anode_height_um is None
    distances = [read_poni(one.detector.geometry).distance_m for one in (run, right)]
    assert_close(distances[0] / distances[1], 1.01, rel=1e-9)


def test_a_beam_stands_higher_where_the_stage_came_from_above() -> None:
    experiment = quiet_experiment(scan={"order": "alternating", "scans": 2}, imperfections={"height_backlash_um": 4.0})
    plan = schedule(experiment)
    above = from_above(plan)[plan.in_map]
    assert above.tolist() == [True, False, False, False, False, False, True, True, True, True]
    down = plan.height[plan.in_map][5:]
    assert down.tolist() == sorted(down, reverse=True)
    shuffled = schedule(quiet_experiment(scan={"order": "shuffled", "scans": 3}))
    orders = shuffled.height[shuffled.in_map].reshape(3, -1)
    assert len({tuple(row) for row in orders}) > 1
    assert all(sorted(row) == sorted(orders[0]) for row in orders)


def test_a_deposit_grows_where_the_beam_was_and_a_monitor_drifts_everywhere(tmp_path: Path) -> None:
    wrong = {"deposit": {"heights_um": [1000.0], "growth_per_s": 0.05}, "monitor_drift": 0.02}
    scan = {"scans": 3, "duration_s": 240.0, "heights_um": [0.0, 1000.0, 2000.0], "alignment": False}
    (clean, photons), (dirty, more) = (
        columns(simulated(tmp_path / name, scan=scan, imperfections=what))
        for name, what in (("clean", {}), ("wrong", wrong))
    )
    field = np.isfinite(clean["time"])
    assert_close((dirty["monitor"] / clean["monitor"])[-1], 1.02, rel=1e-5)
    assert np.array_equal(dirty["monitor"][~field], clean["monitor"][~field])
    changed = np.flatnonzero(more != photons)
    assert changed.tolist() == np.flatnonzero(field)[1::3].tolist()
    rise = (more / photons - 1.0)[changed]
    assert np.all(np.diff(rise) > 0.0)
    assert_close(rise[2] / rise[1], 2.5 / 1.5, rel=0.2)  # of seconds in the beam before the middle of the frame


LATER = {
    "beam_drift": 0.2,
    "beam_lost": {"time_s": [90.0, 150.0], "dark": 3e-3},
    "hot_pixels": {"number": 6, "from_s": 200.0},
}


def test_a_beam_drifts_is_lost_and_pixels_become_hot(runs: tuple[Path, Path], tmp_path: Path) -> None:
    wrong = simulated(tmp_path / "later", scan={"scans": 3, "duration_s": 240.0}, imperfections=LATER)
    (before, _), (after, counted) = columns(runs[0]), columns(wrong)
    time = np.nan_to_num(before["time"])
    lost = (time >= 90.0) & (time <= 150.0)
    assert lost.any()
    factor = np.where(lost, 3e-3, 1.0 + 0.2 * time / time.max())
    assert_close(after["monitor"] / before["monitor"] / factor, np.ones(len(time)), rel=0.02)
    assert np.all(after["transmission"][lost] > 0.9)  # one dark counter over the other
    assert counted[lost].max() < 0.01 * np.median(counted[time > 0.0])  # hot pixels alone
    with h5py.File(runs[0].parent / "frames.nxs") as clean, h5py.File(wrong.parent / "frames.nxs") as spoilt:
        last, same = (f["entry/instrument/detector/data"][-1].astype(float) for f in (clean, spoilt))
    hot = same - 1.2 * last > 1000.0
    assert hot.sum() == 6
    truth = read_results(wrong.parent / "truth.nxs").quality["late_hot_pixels_yx"].astype(int)
    assert np.array_equal(np.argwhere(hot), truth[np.lexsort(truth.T[::-1])])


def test_the_solvent_drifts_from_field_on_and_light_beside_it_comes_and_goes() -> None:
    def shown(**wrong: float) -> tuple[Beamline, list[Exposure]]:
        settings = quiet_experiment(imperfections=wrong)
        settings, classes, _ = read_with_sizes(settings)
        plan = schedule(settings)
        history = simulate_cell(settings, classes)
        cell = scattering_cell(settings, np.linspace(0.05, 3.5, 30), history.classes.diameter_nm, history.dry_shell_nm)
        line = Beamline(settings, plan, history, cell, np.ones(len(plan)))
        return line, list(line.exposures())

    line, clean = shown()
    for wrong, expected in (({"solvent_drift": 0.04}, None), ({"parasitic": 0.003}, 0.003)):
        _, spoilt = shown(**wrong)
        unit = [frame.transmission * line.cell.path * line.cell.solvent for frame in clean]
        more = np.array([(b.curve - a.curve) / one for a, b, one in zip(clean, spoilt, unit, strict=True)])
        assert np.ptp(more, axis=1).max() < 1e-6  # of the form of the solvent's own
        if expected is None:
            time = np.nan_to_num(line.plan.time)
            assert_close(more[:, 0], 0.04 * time / time.max(), rel=0.02, floor=1e-9)
        else:
            assert_close(more.std(), expected, rel=0.35)
