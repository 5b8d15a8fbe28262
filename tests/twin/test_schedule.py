"""Frames are taken as at the beamline: still cell first, then scans without a pause, each frame at its own time."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.errors import InputFileError
from electrosaxs.nouns import Experiment
from electrosaxs.twin.schedule import current, schedule

BASE = {
    "cell": {"gap_mm": 3.5, "path_length_mm": 10.0, "anode_height_um": -7.3},
    "solution": {"volume_fraction": 8e-4, "core_diameter_nm": 7.1, "core_sigma_nm": 1.1},
    "voltage": {"time_s": [0.0, 100.0], "voltage_V": [0.0, 20.0]},
    "transport": {"effective_charge": 0.045},
    "scan": {"duration_s": 600.0, "heights_um": [0.0, 50.0, 3400.0], "scans": 4},
    "beam": {"energy_keV": 13.3, "fwhm_um": 34.0},
}


def planned(**scan: object) -> Experiment:
    return Experiment.model_validate({**BASE, "scan": {**BASE["scan"], **scan}})


def test_roles_come_in_the_order_of_an_experiment() -> None:
    roles = schedule(planned()).role
    _, first = np.unique(roles, return_index=True)
    assert list(roles[np.sort(first)]) == ["empty", "solvent", "reference", "alignment", "sample"]
    assert np.sum(roles == "alignment") == 21
    assert np.sum(roles == "sample") == 12


def test_frames_follow_each_other_and_end_with_the_experiment() -> None:
    plan = schedule(planned())
    time = plan.time[plan.in_map]
    assert np.isnan(plan.time[~plan.in_map]).all()
    assert_close(np.diff(time), np.full(11, 50.0), rel=1e-12)
    assert_close(time[-1], 600.0 - 0.5, rel=1e-12)
    assert list(plan.scan[plan.in_map][:4]) == [0, 0, 0, 1]
    assert list(plan.place[plan.in_map][:4]) == [0, 1, 2, 0]


def test_stage_stands_at_height_plus_anode() -> None:
    plan = schedule(planned())
    assert_close(plan.stage - plan.height, np.full(len(plan), -7.3), rel=1e-9)


def test_knife_edge_covers_the_anode_without_knowing_it() -> None:
    plan = schedule(planned())
    edge = plan.role == "alignment"
    assert_close(plan.stage[edge], np.arange(-110.0, 91.0, 10.0), rel=1e-9, floor=1e-9)
    assert plan.height[edge].min() < -95.0
    assert plan.height[edge].max() > 95.0


def test_voltage_follows_the_program_and_current_the_voltage() -> None:
    plan = schedule(planned())
    assert_close(plan.voltage[plan.in_map][:3], [49.5 / 5, 99.5 / 5, 20.0], rel=1e-12)
    assert not plan.voltage[~plan.in_map].any()
    amperes = current(plan, np.random.default_rng(1))
    assert np.all((amperes > 0) == (plan.voltage > 0))
    assert amperes.max() < 1e-8


def test_ions_are_swept_out_within_minutes() -> None:
    """200 pA/V at first, 80 pA/V when six parts of ten are gone: exp(-t / 400 s)."""
    plan = schedule(planned(duration_s=4000.0, scans=200))
    conductance = (current(plan, np.random.default_rng(1)) / np.where(plan.voltage > 0, plan.voltage, np.nan))[
        plan.in_map
    ]
    time = plan.time[plan.in_map]
    expected = 2e-10 * (0.4 + 0.6 * np.exp(-time / 400.0))
    assert_close(np.mean(conductance / expected), 1.0, rel=2e-3)
    assert_close(np.std(conductance / expected), 0.01, rel=0.15)


@pytest.mark.parametrize(
    ("scan", "named"),
    [
        ({"exposure_s": 60.0}, "scan.scans = 4: a scan takes 180.15 s but has 150 s"),
        ({"heights_um": [0.0, 3600.0]}, "scan.heights_um = 3600"),
        ({"heights_um": [-50.0, 0.0]}, "scan.heights_um = -50"),
        ({"heights_um": [0.0, 50.0, 50.0]}, "stands twice"),
    ],
)
def test_impossible_scans_are_refused_in_one_line(scan: dict[str, object], named: str) -> None:
    with pytest.raises(InputFileError, match="scan") as error:
        schedule(planned(**scan))
    assert named in str(error.value)
    assert "\n" not in str(error.value)
