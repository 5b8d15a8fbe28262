"""A run that goes well, on a small bridge with a meter of its own process: what is left, and what it can be read with."""

from __future__ import annotations

import gzip
import math
import socket
from itertools import pairwise
from pathlib import Path
from typing import Any

import fabio
import numpy as np
import pytest
from closeness import assert_close
from refused import refused

pytest.importorskip("pyvisa")

from left_behind import documents, meter_rows, read_all, state_of
from meters import MeterProgram
from tiny_bridge import ANODE_UM, SHAPE, TinyBridge, write_geometry, write_plan

from electrosaxs.command_line.app import run as command_line
from electrosaxs.errors import InputFileError
from electrosaxs.io.run_toml import read_run
from electrosaxs.nouns import Role
from electrosaxs.recipes.experiment.acquire import acquire
from electrosaxs.reduction.masking import read_mask


@pytest.mark.parametrize("form", ["nexus", "cbf"])
def test_a_run_leaves_a_folder_that_can_be_read(
    form: str, meter: MeterProgram, bridge: TinyBridge, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    plan = write_plan(tmp_path, bridge, meter.resource, frames={"form": form}, source_meter={"watchdog": "both"})
    assert acquire(plan, out) == 0
    assert not meter.output
    table, images = read_all(out)
    assert [str(r) for r in table.role] == ["solvent"] * 2 + ["reference"] * 2 + ["sample"] * 6
    assert all(image.shape == SHAPE and 10.0 < image.mean() < 30.0 for image in images)
    sample = table.is_role(Role.SAMPLE)
    assert table.voltage is not None
    assert table.current is not None
    assert_close(table.voltage[sample], np.full(6, 2.0), rel=1e-6)
    assert_close(table.current[sample], np.full(6, 4e-10), rel=0.1)
    assert np.all(np.diff(table.time[sample]) > 0.0)
    assert_close(table.time[sample][2] - 20.0, 1.1, rel=1e-6)  # second scan: moved, half of 2 s
    anode = read_run(out / "run.toml").cell.anode_height_um
    assert anode is not None
    assert abs(anode - ANODE_UM) < 0.5
    assert_close(table.height[sample][:2] - anode, [0.0, 200.0], rel=1e-4, floor=0.06)
    assert state_of(out) | {"phase": "finished", "output": False, "frames": 10} == state_of(out)


def test_the_ramp_is_in_the_log_of_the_meter(meter: MeterProgram, bridge: TinyBridge, tmp_path: Path) -> None:
    assert acquire(write_plan(tmp_path, bridge, meter.resource), tmp_path / "run") == 0
    rows = meter_rows(tmp_path / "run")
    steps = [(float(r["clock_s"]), float(r["set_V"])) for r in rows if r["event"] == "set"]
    assert_close(max(v for _, v in steps), 2.0, rel=1e-9)
    assert steps[-1][1] == 0.0  # down again, at the same pace, before the output goes off
    rates = [abs(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(steps)]
    assert max(rates) < 0.5 * (1.0 + 1e-6)
    assert max(abs(b[1] - a[1]) for a, b in pairwise(steps)) <= 0.5 * (1.0 + 1e-6)
    assert rows[-1]["output"] == "0"


def test_documents_are_those_of_the_event_model(meter: MeterProgram, bridge: TinyBridge, tmp_path: Path) -> None:
    model = pytest.importorskip("event_model")
    assert acquire(write_plan(tmp_path, bridge, meter.resource), tmp_path / "run") == 0
    found = documents(tmp_path / "run")
    for name, document in found:
        model.schema_validators[model.DocumentNames[name]].validate(document)
    assert (found[0][0], found[-1][0]) == ("start", "stop")
    assert found[-1][1]["exit_status"] == "success"
    assert found[-1][1]["num_events"]["primary"] == 10
    assert sum(name == "stream_datum" for name, _ in found) == 10
    assert found[0][1]["hashes"][0]["sha256"]
    edge = next(d for n, d in found if n == "descriptor" and d["name"] == "alignment")["configuration"]["electrosaxs"]
    assert abs(edge["data"]["anode_height"] - ANODE_UM) < 5.0 * edge["data"]["anode_height_sigma"] < 1.0


def test_a_real_clock_is_not_told_what_to_do(meter: MeterProgram, bridge: TinyBridge, tmp_path: Path) -> None:
    """The ramp is then the guard's own time: half a volt takes a second of the wall."""
    bridge.real = True
    plan = write_plan(
        tmp_path, bridge, meter.resource, scan={"period_s": 1.0, "duration_s": 3.0, "exposure_s": 0.05, "alignment": False},
        cell={"anode_height_um": ANODE_UM}, voltage={"voltage_V": [1.0]},
    )  # fmt: skip
    assert acquire(plan, tmp_path / "run") == 0
    assert "wait" not in bridge.asked
    table, _ = read_all(tmp_path / "run")
    sample = table.is_role(Role.SAMPLE)
    assert 1.5 < table.time[sample][0] < 3.0
    assert table.voltage is not None
    assert_close(table.voltage[sample], np.full(sample.sum(), 1.0), rel=1e-6)
    rows = meter_rows(tmp_path / "run")
    ramp = [(float(r["epoch_s"]), float(r["set_V"])) for r in rows if r["event"] == "set"]
    assert all(b[1] - a[1] <= 0.5 * (b[0] - a[0]) + 0.05 for a, b in pairwise(ramp))


def test_a_clock_that_jumps_is_a_fault_of_the_bridge(
    meter: MeterProgram, bridge: TinyBridge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bridge.at[6] = lambda: setattr(bridge, "clock", bridge.clock - 3600.0)
    assert acquire(write_plan(tmp_path, bridge, meter.resource), tmp_path / "run") == 3
    assert "its clock jumped by -359" in capsys.readouterr().err
    assert not meter.output
    assert len(read_all(tmp_path / "run")[1]) == 6


def test_an_image_may_be_long_in_being_written(
    meter: MeterProgram, bridge: TinyBridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its stamp, the middle of the exposure, is then old when it comes: no clock has jumped, and none goes back."""
    monkeypatch.setattr("electrosaxs.acquisition.bridge.CLOCK_S", 0.25)
    bridge.real, bridge.writes_s = True, 0.6
    plan = write_plan(
        tmp_path, bridge, meter.resource, scan={"period_s": 1.0, "duration_s": 6.0, "exposure_s": 0.1, "alignment": False},
        cell={"anode_height_um": ANODE_UM}, voltage={"voltage_V": [0.4]},
    )  # fmt: skip
    assert acquire(plan, tmp_path / "run") == 0
    table, _ = read_all(tmp_path / "run")
    sample = table.is_role(Role.SAMPLE)
    assert np.all(np.diff(table.time[sample]) > 0.6)
    clock = [float(r["clock_s"]) for r in meter_rows(tmp_path / "run")]
    wall = [float(r["epoch_s"]) for r in meter_rows(tmp_path / "run")]
    assert np.ptp(np.array(clock) - np.array(wall)) < 0.1


def test_the_tables_of_a_plan_are_those_of_a_run(meter: MeterProgram, bridge: TinyBridge, tmp_path: Path) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    mask[3] = 1
    fabio.edfimage.EdfImage(data=mask).write(str(tmp_path / "m.edf"))
    (tmp_path / "the mask.v2.edf.gz").write_bytes(gzip.compress((tmp_path / "m.edf").read_bytes()))
    detector = {"mask": "the mask.v2.edf.gz", "distance_m_sigma": 2e-4, "dead_time_ns": 120}
    plan = write_plan(tmp_path, bridge, meter.resource, detector=detector)
    assert acquire(plan, tmp_path / "a run") == 0
    found = read_run(tmp_path / "a run" / "run.toml").detector
    assert (found.distance_m_sigma, found.dead_time_ns) == (2e-4, 120.0)
    assert found.mask is not None
    assert np.array_equal(read_mask(found.mask, SHAPE), mask == 1)


def test_a_beamline_without_a_diode_behind_the_sample_says_so_and_has_no_number(
    meter: MeterProgram, bridge: TinyBridge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bridge.diode, out = False, tmp_path / "my run"
    known = {"scan": {"alignment": False}, "cell": {"anode_height_um": ANODE_UM}}
    assert acquire(write_plan(tmp_path, bridge, meter.resource, **known), out) == 0
    assert capsys.readouterr().err.count("gives no transmission") == 1
    with pytest.raises(InputFileError, match="transmission"):
        read_all(out)
    assert [d["uri"] for n, d in documents(out) if n == "stream_resource"] == [
        (out / "frames.nxs").as_uri().replace("file://", "file://localhost")
    ]
    assert acquire(write_plan(tmp_path, bridge, meter.resource), tmp_path / "aligned") == 3  # no edge is seen
    seen = [d["data"]["transmission"] for n, d in documents(tmp_path / "aligned") if n == "event"]
    assert set(seen) == {None}


def test_a_dry_run_switches_nothing_on(
    meter: MeterProgram, bridge: TinyBridge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = write_plan(tmp_path, bridge, meter.resource)
    assert command_line(["acquire", str(plan), "--out", str(tmp_path / "run"), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "MODEL 2450" in said
    assert "frames: 10 (2 solvent, 2 reference, 3 scans of 2 heights)" in said
    assert not (tmp_path / "run").exists()
    assert bridge.asked == ["hello"]
    assert meter.tell()["limit"] != 1e-6  # nothing was configured


def test_a_beam_that_is_lost_stops_exposures_and_not_the_voltage(
    meter: MeterProgram, bridge: TinyBridge, tmp_path: Path
) -> None:
    """No frame without beam is kept; the program goes on meanwhile."""
    bridge.at[6] = lambda: setattr(bridge, "dark", (bridge.clock, bridge.clock + 25.0))
    plan = write_plan(
        tmp_path, bridge, meter.resource, voltage={"time_s": [0.0, 10.0, 40.0], "voltage_V": [1.0, 1.0, 4.0]}
    )
    assert acquire(plan, tmp_path / "run") == 0
    table, _ = read_all(tmp_path / "run")
    assert np.all(table.monitor > 5e5)
    sample = table.is_role(Role.SAMPLE)
    assert np.diff(table.time[sample]).max() > 20.0
    assert table.voltage is not None
    expected = np.interp(table.time[sample], [0.0, 10.0, 40.0], [1.0, 1.0, 4.0])
    assert_close(table.voltage[sample], expected, rel=0.0, floor=0.3)


def test_what_one_more_look_mends_does_not_end_a_run(meter: MeterProgram, bridge: TinyBridge, tmp_path: Path) -> None:
    bridge.at[6] = lambda: (setattr(bridge, "overshoots", 1), bridge.says.update(transmission=math.nan))
    bridge.at[7] = lambda: setattr(bridge, "hides_s", 0.4)
    assert acquire(write_plan(tmp_path, bridge, meter.resource), tmp_path / "run") == 0
    table, images = read_all(tmp_path / "run")
    assert len(table) == len(images) == 10
    anode = read_run(tmp_path / "run" / "run.toml").cell.anode_height_um
    assert anode is not None
    assert_close(table.height[4:] - anode, np.tile([0.0, 200.0], 3), rel=1e-4, floor=0.06)
    assert bridge.asked.count("move") > bridge.asked.count("expose") + bridge.asked.count("read") - 2
    assert np.flatnonzero(np.isnan(table.transmission)).tolist() == [6]


@pytest.mark.parametrize("shape", ["30x40", [30], [30, 0], [30, 40.5], {"rows": 30}])
def test_a_detector_of_no_shape_is_said_before_anything_is_on(
    shape: object, meter: MeterProgram, bridge: TinyBridge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hello = bridge.do_hello({})
    hello["detector"]["shape"] = shape
    bridge.do_hello = lambda _: hello  # type: ignore[method-assign]
    said = refused(capsys, "acquire", write_plan(tmp_path, bridge, meter.resource), "--out", tmp_path / "run")
    assert "detector or height_um is missing or wrong" in said
    assert not (tmp_path / "run").exists()


def test_a_transmission_in_percent_ends_a_run_before_its_field(
    meter: MeterProgram, bridge: TinyBridge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`analyse` would refuse the whole run."""
    read = bridge.do_read
    bridge.do_read = lambda asked: {**(found := read(asked)), "transmission": 100.0 * found["transmission"]}  # type: ignore[method-assign]
    assert acquire(write_plan(tmp_path, bridge, meter.resource), tmp_path / "run") == 3
    assert "give a share of 1, no percentage; 0 frames are good" in capsys.readouterr().err
    assert meter.tell()["level"] == 0.0


def test_a_virtual_clock_in_other_units_is_a_fault(
    meter: MeterProgram, bridge: TinyBridge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Milliseconds: the run was over after its first wait, with no frame of the sample and exit code 0."""
    wait = bridge.do_wait
    bridge.do_wait = lambda asked: {"clock_s": 1000.0 * wait(asked)["clock_s"]}  # type: ignore[method-assign]
    assert acquire(write_plan(tmp_path, bridge, meter.resource), tmp_path / "run") == 3
    assert "bridge: its clock went on by" in capsys.readouterr().err


def test_a_virtual_clock_that_stands_is_a_fault(
    meter: MeterProgram, bridge: TinyBridge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Waits went on for ever, with the output on."""
    bridge.at[6] = lambda: setattr(bridge, "do_wait", lambda _: {"clock_s": bridge.clock})
    assert acquire(write_plan(tmp_path, bridge, meter.resource), tmp_path / "run") == 3
    said = capsys.readouterr().err
    assert "bridge: its virtual clock stands" in said
    assert "the output is off (OUTP? says 0)" in said


@pytest.mark.parametrize(("readout_s", "stamped"), [(6.0, 0.5), (0.0, 1.0)])
def test_a_virtual_clock_with_readout_or_another_stamp_is_no_fault(
    readout_s: float, stamped: float, meter: MeterProgram, bridge: TinyBridge, tmp_path: Path
) -> None:
    """Time for the readout of each frame, and stamps at the end of an exposure: what other people's bridges do."""
    expose = bridge.do_expose

    def slow(asked: dict) -> dict:
        found = expose(asked)
        bridge.clock += readout_s
        return {**found, "clock_s": found["clock_s"] + (stamped - 0.5) * asked["exposure_s"]}

    bridge.do_expose = slow  # type: ignore[method-assign]
    assert acquire(write_plan(tmp_path, bridge, meter.resource), tmp_path / "run") == 0


def test_a_folder_can_be_read_while_it_grows(meter: MeterProgram, bridge: TinyBridge, tmp_path: Path) -> None:
    out, lengths = tmp_path / "run", list[int]()
    bridge.at = {n: lambda: lengths.append(len(read_all(out)[1])) for n in (6, 7, 8)}
    assert acquire(write_plan(tmp_path, bridge, meter.resource), out) == 0
    assert lengths == [6, 7, 8]


def test_exposures_grow_where_less_is_transmitted(meter: MeterProgram, bridge: TinyBridge, tmp_path: Path) -> None:
    """Half of the beam is blocked at the anode, so that twice the exposure gives the same counts."""
    assert acquire(write_plan(tmp_path, bridge, meter.resource), tmp_path / "run") == 0
    table, _ = read_all(tmp_path / "run")
    assert_close(table.exposure[table.is_role(Role.SAMPLE)], [1.0, 1.0, 2.0, 1.0, 2.0, 1.0], rel=1e-9)


def test_solvent_frames_may_come_from_another_run(meter: MeterProgram, bridge: TinyBridge, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert acquire(write_plan(tmp_path, bridge, meter.resource), first) == 0
    borrowed = {"solvent_frames": 0, "background": str(first / "run.toml")}
    assert acquire(write_plan(tmp_path, bridge, meter.resource, scan=borrowed), second) == 0
    (old, old_images), (new, new_images) = read_all(first), read_all(second)
    assert [str(r) for r in new.role].count("solvent") == 2
    assert np.array_equal(old_images[1], new_images[1])
    assert_close(old.monitor[:2], new.monitor[:2], rel=1e-12)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"voltage": {"voltage_V": [60.0]}}, "voltage.voltage_V = 60: is beyond source_meter.max_voltage_V = 40"),
        ({"hold": {"flux": "slice"}}, "both are given"),
        ({"scan": {"heights_um": [0, 9000]}}, "beyond the gap"),
        ({"scan": {"max_dose_s": 5.0}}, "no lateral axis"),
        ({"scan": {"duration_s": 1e12, "max_dose_s": 1e13}}, "GB free"),
        ({"source_meter": {"watchdog_s": 0.2}}, "watchdog_s"),
        ({"beamline": {"kind": "epics"}}, "beamline.names = missing"),
        ({"beamline": {"speed": 2.0}}, "beamline.speed = 2.0: does not belong to kind"),
        ({"scan": {"alignment": False}}, "cell.anode_height_um"),
        ({"scan": {"solvent_frames": 0}}, "background"),
        ({"detector": {"geometry": None}}, "detector.geometry"),
        ({"source_meter": {"volts": 3}}, "is not a known key"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(
    changes: dict[str, dict[str, Any]],
    words: str,
    bridge: TinyBridge,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = write_plan(tmp_path, bridge, "TCPIP::127.0.0.1::9::SOCKET", **changes)
    assert words in refused(capsys, "acquire", plan, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"detector": {"geometry": "other.poni"}}, "other.poni: detector shape = (31, 40)"),
        ({"detector": {"mask": "other.npy"}}, "other.npy: mask = shape (40, 30): the detector has (30, 40)"),
        ({"beam": {"energy_keV": 12.0}}, "must agree with the run's energy 12 keV"),
    ],
)
def test_a_geometry_of_another_detector_is_said_before_the_run_and_a_held_flux_refused(
    changes: dict[str, dict[str, Any]],
    words: str,
    meter: MeterProgram,
    bridge: TinyBridge,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = write_plan(tmp_path, bridge, meter.resource, **changes)
    write_geometry(tmp_path / "other.poni", (31, 40))
    np.save(tmp_path / "other.npy", np.zeros(SHAPE[::-1], dtype=np.uint8))
    assert acquire(plan, tmp_path / "run", dry_run=True) == 0
    said = capsys.readouterr().err
    assert said.startswith("analyse would refuse this run until that is put right")
    assert words in said
    believed = (Path(__file__).parents[3] / "examples" / "plan_constant_flux.toml").as_posix()
    text = plan.read_text("utf-8").partition("[voltage]")[0]
    plan.write_text(f'{text}[hold]\nmodel = "{believed}"\n', "utf-8")
    assert words in refused(capsys, "acquire", plan, "--out", tmp_path / "run")


def test_a_2400_must_not_be_trusted_with_a_timer(
    bridge: TinyBridge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with MeterProgram("2400") as meter:
        plan = write_plan(tmp_path, bridge, meter.resource, source_meter={"watchdog": "both"})
        assert "has no timer" in refused(capsys, "acquire", plan, "--out", tmp_path / "run")
        plan = write_plan(tmp_path, bridge, meter.resource, source_meter={"watchdog": "guard"})
        assert acquire(plan, tmp_path / "run") == 0
        assert "output-enable line" in capsys.readouterr().err
        table, _ = read_all(tmp_path / "run")
    assert table.voltage is not None
    assert_close(table.voltage[-1], 2.0, rel=1e-6)


def test_nobody_there_is_said_before_anything_is_on(
    meter: MeterProgram, bridge: TinyBridge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    plan = write_plan(tmp_path, bridge, f"TCPIP::127.0.0.1::{port}::SOCKET")
    assert "source_meter.resource" in refused(capsys, "acquire", plan, "--out", tmp_path / "run")
    plan = write_plan(tmp_path, bridge, meter.resource, beamline={"address": f"127.0.0.1:{port}"})
    assert "cannot be reached" in refused(capsys, "acquire", plan, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_data_are_never_written_over(bridge: TinyBridge, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine", "utf-8")
    plan = write_plan(tmp_path, bridge, "TCPIP::127.0.0.1::9::SOCKET")
    assert "holds notes.txt" in refused(capsys, "acquire", plan, "--out", tmp_path / "run")


def test_without_the_extra_the_command_says_which(
    bridge: TinyBridge, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("electrosaxs.recipes.experiment.meters.find_spec", lambda name: None)
    plan = write_plan(tmp_path, bridge, "TCPIP::127.0.0.1::9::SOCKET")
    assert "electrosaxs[beamline]" in refused(capsys, "acquire", plan, "--out", tmp_path / "run")
