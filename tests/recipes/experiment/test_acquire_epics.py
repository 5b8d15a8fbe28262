"""A run on a beamline of EPICS records, which another process serves."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close
from forked_acquire import acquire_process
from left_behind import read_all, state_of
from meters import MeterProgram
from refused import refused
from tiny_bridge import SHAPE, TinyBridge, write_plan

pytest.importorskip("pyvisa")

from electrosaxs.io.run_toml import read_run
from electrosaxs.nouns import Role
from electrosaxs.recipes.experiment import beamlines

HERE = Path(__file__).parent
NAMES = """
timeout_s = 20.0
[stage]
motor = "BL:Z"
um_per_unit = 1000.0
[detector]
camera = "BL:cam1:"
image = "BL:image1:"
name = "tiny"
[diodes]
preset = "BL:scaler.TP"
count = "BL:scaler.CNT"
monitor = "BL:scaler.S2"
transmitted = "BL:scaler.S3"
empty = 0.9
[samples]
changer = "BL:CHANGER"
solution = 1.0
solvent = 2.0
"""
needs_epics = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("ophyd_async", "aioca", "caproto")),
    reason="the extra epics, or caproto, which serves the records, is not installed",
)


def free_port() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


@contextmanager
def served(*arguments: str) -> Iterator[dict[str, str]]:
    """The records in a process of their own; the environment that finds them and nothing else."""
    port = free_port()
    found = {
        **os.environ, "EPICS_CA_ADDR_LIST": "127.0.0.1", "EPICS_CA_AUTO_ADDR_LIST": "NO", "EPICS_CA_SERVER_PORT": port,
        "EPICS_CAS_SERVER_PORT": port, "EPICS_CAS_INTF_ADDR_LIST": "127.0.0.1", "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
        "EPICS_CAS_BEACON_ADDR_LIST": "",
    }  # fmt: skip
    ioc = subprocess.Popen(
        [sys.executable, str(HERE / "epics_ioc.py"), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=found,
    )
    try:
        assert ioc.stdout is not None
        assert b"serving" in ioc.stdout.readline()
        yield found
    finally:
        assert ioc.stdin is not None
        ioc.stdin.close()
        ioc.wait()


def plan_in(folder: Path, resource: str, **scan: object) -> Path:
    (folder / "names.toml").write_text(NAMES, "utf-8")
    timing = {"duration_s": 5.0, "period_s": 2.0, "exposure_s": 0.05, "heights_um": [0, 200]}
    with TinyBridge() as bridge:
        return write_plan(
            folder, bridge, resource,
            cell={"anode_height_um": 1000.0}, scan={**timing, **scan},
            beamline={"kind": "epics", "names": "names.toml", "address": None},
            source_meter={"watchdog_s": 10.0, "timeout_s": 2.0, "max_ramp_V_per_s": 4.0},
        )  # fmt: skip


def acquired(plan: Path, out: Path, environment: dict[str, str]) -> tuple[int | None, str]:
    """Exit code and stderr of `acquire` in a process of its own."""
    said = out.with_name("stderr")
    process = acquire_process(plan, out, said, environment=environment)
    process.join(300.0)
    return process.exitcode, said.read_text("utf-8")


@needs_epics
def test_a_run_on_epics_records_finds_its_anode_and_keeps_its_images(meter: MeterProgram, tmp_path: Path) -> None:
    plan, out = plan_in(tmp_path, meter.resource), tmp_path / "run"
    with served() as environment:
        code, said = acquired(plan, out, environment)
    assert code == 0, said
    assert state_of(out)["phase"] == "finished"
    anode = read_run(out / "run.toml").cell.anode_height_um
    assert anode is not None
    assert abs(anode - 1011.3) < 1.0  # where the records have it, in um
    table, images = read_all(out)
    sample = table.is_role(Role.SAMPLE)
    assert set(np.round(table.height[sample] - anode).astype(int)) == {0, 200}
    assert images[0].shape == SHAPE
    assert_close(np.mean([image.mean() for image in images] / table.exposure), 20.0, rel=0.05)
    assert len({image.tobytes() for image in images}) == len(images)  # each is a new one
    high = table.height[sample] > anode + 100.0
    assert_close(table.transmission[sample][high], np.full(high.sum(), 0.33), rel=0.05)


@needs_epics
def test_a_stage_that_does_not_arrive_ends_the_run_and_is_named(meter: MeterProgram, tmp_path: Path) -> None:
    plan, out = plan_in(tmp_path, meter.resource), tmp_path / "run"
    (tmp_path / "names.toml").write_text(NAMES.replace("20.0", "6.0"), "utf-8")
    with served("--stuck") as environment:
        code, said = acquired(plan, out, environment)
    assert code == 3
    assert "stage: move to" in said
    assert "the output is off" in said


@needs_epics
def test_records_that_nobody_serves_are_named_before_anything_is_on(meter: MeterProgram, tmp_path: Path) -> None:
    plan = plan_in(tmp_path, meter.resource)
    (tmp_path / "names.toml").write_text(NAMES.replace("20.0", "0.5"), "utf-8")
    quiet = {
        **os.environ,
        "EPICS_CA_ADDR_LIST": "127.0.0.1",
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
        "EPICS_CA_SERVER_PORT": free_port(),
    }
    code, said = acquired(plan, tmp_path / "run", quiet)
    assert code == 2
    assert "BL:Z.VAL" in said
    assert "nothing was switched on" in said
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (NAMES.replace('motor = "BL:Z"', ""), "stage.motor = missing"),
        (NAMES.replace("1000.0", "0.0"), "stage.um_per_unit"),
        (NAMES.replace("[samples]", "[sample]"), "sample"),
        ("[voltage]\n", "names.toml"),
    ],
)
def test_names_that_say_too_little_are_refused(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_in(tmp_path, "TCPIP::127.0.0.1::1::SOCKET")
    (tmp_path / "names.toml").write_text(text, "utf-8")
    assert words in refused(capsys, "acquire", plan, "--out", tmp_path / "run")


def test_the_extra_is_named_where_it_is_not_installed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beamlines, "EPICS", ("a_package_that_is_not_there",))
    plan = plan_in(tmp_path, "TCPIP::127.0.0.1::1::SOCKET")
    assert "pip install 'electrosaxs[epics]'" in refused(capsys, "acquire", plan, "--out", tmp_path / "run")
