"""What the page says of a map: estimates with sigma, changes only, and a band that the truth lies in."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.command_line.app import run as command_line
from electrosaxs.io.growing_rows import CONTROL, MOST, GrowingRows
from electrosaxs.io.run_toml import read_run
from electrosaxs.nouns import Number, RunResults
from electrosaxs.recipes.live.feed import MapChanges
from electrosaxs.recipes.live.model_band import measured_program, model_band
from electrosaxs.recipes.live.panels import estimates, onsets_expected, panels, time_to_onset
from electrosaxs.recipes.live.serving import Serving, tell
from electrosaxs.recipes.live.set_point import why_not
from electrosaxs.recipes.live.view import ResultsFeed


def test_points_of_the_flux_are_of_the_mean_of_the_slice_as_the_set_point_is(
    quiet_results: tuple[RunResults, Path],
) -> None:
    """Those of the voxel at the anode lay 15 % above a flux that was held exactly."""
    results, _ = quiet_results
    drawn, mean, at_anode = panels(results)["flux"], results.flux_slice_mean, results.flux_slice
    assert mean is not None
    assert at_anode is not None
    assert drawn["value"] == mean.values[mean.good].tolist()
    assert np.all(mean.values[mean.good] < 0.95 * at_anode.values[at_anode.good])
    number = results.numbers["slice_flux_mean"]
    assert number.value is not None
    assert abs(np.mean(mean.values[mean.good]) / number.value - 1.0) < 0.2


def test_the_onset_is_where_the_growth_line_meets_the_band(quiet_results: tuple[RunResults, Path]) -> None:
    results, _ = quiet_results
    line, growth = results.growth_line, results.growth
    assert line is not None
    assert growth is not None
    now = growth.coord("time")[-1]
    phi_now = line.offset + line.slope * now
    found = time_to_onset(results)
    assert found is not None
    assert_close(found["value"], (0.0095 - phi_now) / line.slope, rel=1e-9)
    known = replace(line, slope_sigma=0.0)
    alone = time_to_onset(replace(results, growth_line=known))
    assert alone is not None
    assert_close(alone["sigma"], 0.005 / 12**0.5 / line.slope, rel=1e-9)
    assert found["sigma"] > alone["sigma"]
    assert time_to_onset(replace(results, growth_line=replace(line, slope=-line.slope))) is None
    seen = {**results.numbers, "onset_time": Number(100.0, 5.0, "s", "seen")}
    assert estimates(replace(results, numbers=seen))["time_to_onset"] == {"value": None, "sigma": None}
    assert estimates(replace(results, numbers={}))["flux_slice"] == {"value": None, "sigma": None}
    last = onsets_expected(results)["value"][-1]
    assert last is not None
    assert abs(last - now - found["value"]) < 0.1 * found["value"]


def test_the_band_of_the_model_holds_what_was_simulated(
    quiet_nexus: Path, quiet_results: tuple[RunResults, Path]
) -> None:
    band = model_band(quiet_results[0], read_run(quiet_nexus))
    assert band is not None
    phi = quiet_results[0].volume_fraction
    measured = phi.values[-1][phi.good[-1]]
    low, high = np.array(band["low"]), np.array(band["high"])
    assert np.all(high >= low)
    assert low[0] < measured[0] < high[0]
    assert high[0] / low[0] > 1.3
    assert_close(high[3] / low[3], 1.0, rel=0.05)  # a millimetre away nothing has happened yet


@pytest.mark.parametrize("begins_s", [0.0, -60.0])
def test_a_program_that_run_toml_states_from_field_on_has_a_band(
    quiet_nexus: Path, quiet_results: tuple[RunResults, Path], begins_s: float
) -> None:
    results, run = quiet_results[0], read_run(quiet_nexus)
    volts = results.settings["voltage"]["voltage_V"][-1]
    stated = {**results.settings, "voltage": {"time_s": [begins_s], "voltage_V": [volts]}}
    band, before = model_band(replace(results, settings=stated), run), model_band(results, run)
    assert band is not None
    assert before is not None
    assert_close(band["high"], before["high"], rel=0.05)


def test_the_band_follows_the_meter_where_the_field_came_on_long_before_the_first_frame(
    quiet_nexus: Path, quiet_results: tuple[RunResults, Path], tmp_path: Path
) -> None:
    """A field that was there from the start, though the frames show it late, and one that came on a second before them."""
    results, run = quiet_results[0], read_run(quiet_nexus)
    volts = results.settings["voltage"]["voltage_V"][-1]
    newest = float(np.nanmax(results.volume_fraction.coord("time")))
    late = {**results.settings, "voltage": {"time_s": [newest - 1.0, newest], "voltage_V": [volts, volts]}}

    def meter(on_s: float) -> Path:
        """Every 10 s from field-on, with the noise of a meter; the field in the cell from `on_s` on."""
        noise = np.random.default_rng(2)
        rows = ["clock_s,epoch_s,set_V,read_V,read_A,output,event", "480.0,0,0,,,0,"]
        for t in np.arange(0.0, newest + 10.0, 10.0):
            now = volts if t >= on_s else 0.0
            rows.append(f"{500.0 + t},{t},{now},{now + 1e-4 * noise.standard_normal():.6f},1e-9,1,")
        path = tmp_path / f"meter_{on_s:g}.csv"
        path.write_text("\n".join(rows) + "\n", "utf-8")
        return path

    usual, whole = model_band(results, run), model_band(replace(results, settings=late), run, meter(0.0))
    just_on = model_band(results, run, meter(newest - 5.0))
    first_frame = model_band(replace(results, settings=late), run)
    assert usual is not None
    assert whole is not None
    assert just_on is not None
    assert first_frame is not None
    assert_close(whole["high"], usual["high"], rel=0.05)
    assert_close(first_frame["high"], usual["high"], rel=0.05)  # time counts from field-on
    assert just_on["high"][0] < 0.3 * usual["high"][0]
    program = measured_program(meter(newest - 5.0))
    assert program is not None
    assert len(program["time_s"]) <= 4
    assert measured_program(tmp_path / "none.csv") is None


def test_the_curve_of_results_stands_at_the_height_of_the_stage_as_a_running_one_does(
    quiet_results: tuple[RunResults, Path],
) -> None:
    """The page takes the anode off both; heights of the results are above it already."""
    results = quiet_results[0]
    anode, lowest = results.numbers["anode_height"].value, results.curves
    assert anode is not None
    assert lowest is not None
    far = replace(
        results, numbers={**results.numbers, "anode_height": replace(results.numbers["anode_height"], value=212.0)}
    )
    for one, at in ((results, anode), (far, 212.0)):
        height = ResultsFeed(one).news({})["curve"]["height_um"]
        assert abs(height - at - float(lowest.height[0])) < 1e-9


def test_only_what_changed_is_drawn_again() -> None:
    def frames(*phi: float) -> dict[str, list[Any]]:
        return {"index": list(range(len(phi))), "time": [1.0] * len(phi), "phi": list(phi)}

    changes = MapChanges()
    changes.take(frames(1e-3, 2e-3), 1)
    assert changes.since(0)["index"] == [0, 1]
    changes.take(frames(1e-3 * (1 + 1e-5), 2.1e-3, 3e-3), 2)
    assert changes.since(1)["index"] == [1, 2]
    assert changes.since(2)["index"] == []
    changes.take(frames(1e-3), 3)  # two frames have no place any more
    assert changes.since(2) == {"index": [1.0, 2.0], "time": [None, None], "phi": [None, None]}


def test_a_long_table_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    file = tmp_path / "meter.csv"
    rows = GrowingRows(file, ("clock_s", "read_V"))
    rows.look()
    text = "clock_s,read_V,output\n" + "".join(f"{k},{k / 10},{int(k > 4)}\n" for k in range(3 * MOST))
    file.write_text(text + "9999,1")
    rows.look()
    assert rows.on_at == 5.0
    assert len(rows.rows) < MOST
    assert rows.stride > 1
    steps = np.diff([row[0] for row in rows.rows if row[0] is not None])
    assert set(steps) == {rows.stride}
    assert (9999.0, 1.0) not in rows.rows


@pytest.mark.parametrize("value", [0.0, -3e-10, "3e-10", None, True, float("nan"), float("inf")])
def test_a_set_point_is_a_positive_number(value: object, tmp_path: Path) -> None:
    assert "must be a positive number" in why_not(value, tmp_path, {})


def test_a_set_point_is_one_that_some_voltage_gives(tmp_path: Path) -> None:
    state = {"flux_slice": {"value": 3e-10, "sigma": 0.0}, "voltage_V": 20.0}
    (tmp_path / "plan.toml").write_text("[source_meter]\nmax_voltage_V = 30.0\n[hold]\nset_point_m_per_s = 3e-10\n")
    assert why_not(4.4e-10, tmp_path, state) == ""
    assert "no voltage within 30 V gives more than 4.5e-10" in why_not(4.6e-10, tmp_path, state)
    for unknown in ({}, {**state, "flux_slice": None}, {**state, "flux_slice": {"value": None, "sigma": None}}):
        assert why_not(3e-10, tmp_path, unknown) == ""
    assert "no voltage gives so much" in why_not(1e-3, tmp_path, {})
    (tmp_path / "plan.toml").write_text("\ufeff[voltage]\r\ntime_s = [0.0]\r\nvoltage_V = [20.0]\r\n", encoding="utf-8")
    assert "holds no flux" in why_not(3e-10, tmp_path, state)


def test_decisions_of_a_held_flux_are_read_by_name(tmp_path: Path) -> None:
    (tmp_path / "control.csv").write_text(
        ",".join((*CONTROL, "mode")) + "\n20.0,2.8e-10,2.7e-10,9e-11,0.045,0.01,20,hold\n"
    )
    rows = GrowingRows(tmp_path / "control.csv", CONTROL)
    rows.look()
    assert rows.rows == [(20.0, 2.8e-10, 2.7e-10, 9e-11, 0.045, 0.01, 20.0)]
    assert rows.last["mode"] == "hold"


def test_what_cannot_be_followed_or_shown_is_refused_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("no run")
    out = ["--out", str(tmp_path / "out"), "--no-page", "--until-finished"]
    for arguments, words in (
        (["view", str(tmp_path)], "there is no results.nxs"),
        (["live", str(tmp_path / "notes.txt"), *out], "must be a run folder"),
        (["live", str(tmp_path / "run"), *out, "--host", "0.0.0.0"], "give --token too"),
        (["live", str(tmp_path / "run"), *out, "--token", "a", "--operator-token", "a"], "two different tokens"),
    ):
        assert command_line(arguments) == 2
        said = capsys.readouterr().err.strip()
        assert words in said
        assert "\n" not in said
    assert not (tmp_path / "out").exists()


def test_the_address_is_the_first_line_unless_it_is_to_be_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    class Server:
        url = "http://127.0.0.1:4/"

    tell(Server(), Serving(quiet=True))  # type: ignore[arg-type]
    assert capsys.readouterr().out == ""
    tell(Server(), Serving())  # type: ignore[arg-type]
    assert json.loads(capsys.readouterr().out)["url"] == Server.url
