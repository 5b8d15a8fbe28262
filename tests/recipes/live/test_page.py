"""The page in Chromium: everything is drawn, nothing is fetched from elsewhere, and abort reaches the run."""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from electrosaxs.dashboard.access import Access
from electrosaxs.dashboard.files import FIGURES, PageFiles
from electrosaxs.dashboard.server import Server
from electrosaxs.io.run_state import take_requests, write_state
from electrosaxs.nouns import RunResults
from electrosaxs.recipes.live.feed import LiveFeed
from electrosaxs.recipes.live.follow import Follower
from electrosaxs.recipes.live.panels import panels
from electrosaxs.recipes.live.view import ResultsFeed, frame_lines

PANELS = ("phi-map", "growth-curve", "intensity", "profile", "flux", "voltage", "mass-balance", "quality", "onset")
QUALITY = "document.querySelector('#quality .value').textContent"
DRAWN = "document.querySelectorAll('.plot > *').length == 9"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="the page is looked at with playwright")
    pytest.importorskip("bokeh", reason="the page is drawn with bokeh")
    with playwright.sync_playwright() as driver:
        found = None
        for path in (None, shutil.which("chromium"), shutil.which("google-chrome")):
            try:
                found = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
                break
            except playwright.Error as error:
                reason = str(error).splitlines()[0]
        if found is None:
            pytest.skip(f"no Chromium can be started: {reason}")
        yield found
        found.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 1366, "height": 768})
    opened.errors, opened.requested = [], []
    opened.on("pageerror", lambda error: opened.errors.append(str(error)))
    opened.on("request", lambda request: opened.requested.append(request.url))
    yield opened
    opened.close()


def served(feed: Any, operator: str = "") -> Server:
    files = PageFiles()
    files.get(FIGURES)
    return Server("127.0.0.1", 0, Access("127.0.0.1", operator=operator), feed, files)


def test_results_are_all_there_within_three_seconds(page: Any, quiet_results: tuple[RunResults, Path]) -> None:
    server = served(ResultsFeed(quiet_results[0]))
    page.goto(server.url)
    page.wait_for_function(DRAWN)
    frames = str(len(quiet_results[0].frames))
    page.wait_for_function(f"document.getElementById('frames').textContent == '{frames}'")
    took = page.evaluate("performance.now()") / 1000.0
    assert took < 25.0  # 2 s of one core; the tests share theirs, with whatever else runs
    for panel in PANELS:
        box = page.locator(f"#{panel} canvas").first.bounding_box()
        assert box["width"] > 200
        assert box["height"] > 100
    assert page.title().startswith(f"results · {frames} frames")
    assert page.inner_text("#phase") == "results"
    assert "error" in page.inner_text("#mass-balance h2")
    assert " %;" in page.inner_text("#growth-curve h2").split("±")[1]  # a number has its sigma, and its unit
    assert all(url.startswith(server.url) for url in page.requested)
    assert page.errors == []
    assert page.evaluate("document.documentElement.scrollHeight") <= 768
    server.shutdown()


def test_what_is_new_is_drawn_and_abort_reaches_the_run(
    page: Any, quiet_results: tuple[RunResults, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("electrosaxs.recipes.live.follow.Passes", lambda: None)
    run, out = tmp_path / "run", tmp_path / "out"
    run.mkdir()
    out.mkdir()
    rows = "1.0,2.0,20,19.9001,4.01e-9,1,\n2.0,3.0,20,19.8999,3.99e-9,1,\n3.0,4.0,20,19.9,4e-9,1,\n"
    (run / "meter.csv").write_text(f"clock_s,epoch_s,set_V,read_V,read_A,output,event\n{rows}")
    state = {"phase": "running", "output": True, "voltage_V": 19.9, "heartbeat": time.time(), "pid": 1}
    write_state(run, state)
    follower = Follower(run, out)
    hour_ago = time.time() - 3600.0
    lines = [{**line, "arrived": hour_ago + line["index"], "done": hour_ago} for line in frame_lines(quiet_results[0])]
    for line in lines[:-1]:
        follower.lines.append(line)
    server = served(LiveFeed(follower, "op"), "op")
    page.goto(f"{server.url}?token=op")
    page.wait_for_function(f"document.getElementById('frames').textContent == '{len(lines) - 1}'")
    assert "token" not in page.url
    assert "provisional" in page.inner_text("#provisional")
    follower.lines.append(lines[-1])
    follower.panels, follower.passed = json.loads(json.dumps(panels(quiet_results[0]))), 1
    page.wait_for_function(f"document.title.startsWith('running · {len(lines)} frames')")
    page.wait_for_function("document.getElementById('age').classList.contains('old')")
    assert page.inner_text("#output") == "on, 19.9 V"
    asked = [url for url in page.requested if "/api/news" in url]
    page.wait_for_function("kept.pass == 1")
    assert f"frames={len(lines) - 1}" in asked[-1] or f"frames={len(lines)}" in asked[-1]
    page.click("#abort")
    start = time.monotonic()
    while not list((run / "requests").glob("*.json")) and time.monotonic() - start < 5.0:
        time.sleep(0.01)
    assert time.monotonic() - start < 4.0
    spans = page.evaluate("['voltage', 'current'].map((n) => models[`${n}_range`].end - models[`${n}_range`].start)")
    assert spans[0] > 0.1 * 19.9  # the noise of a constant voltage does not fill the axis
    assert spans[1] > 0.1 * 4.0
    (request,) = take_requests(run, "op")
    assert (request["do"], request["who"]) == ("abort", "the operator at 127.0.0.1")
    write_state(run, {**state, "phase": "aborted", "output": False})
    page.wait_for_function("document.getElementById('phase').textContent == 'aborted'")
    page.wait_for_function(
        "document.querySelector('#voltage .value').textContent.startsWith('output off; before: 19.900 V')"
    )
    assert page.errors == []
    server.shutdown()
    follower.lines.close()


def test_what_was_said_of_a_frame_when_it_came_gives_way_to_what_all_of_them_say(
    page: Any, quiet_results: tuple[RunResults, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flags of the sphere fit alone, which crystals explain, no longer stand there when the numbers are final."""
    monkeypatch.setattr("electrosaxs.recipes.live.follow.Passes", lambda: None)
    results, run, out = quiet_results[0], tmp_path / "run", tmp_path / "out"
    run.mkdir()
    out.mkdir()
    follower = Follower(run, out)
    for line in frame_lines(results):
        follower.lines.append({**line, "flags": ["poor fit"], "reduced_chi_squared": 7.5, "arrived": 1.0, "done": 1.0})
    server = served(LiveFeed(follower, ""))
    page.goto(server.url)
    page.wait_for_function(f"{QUALITY}.startsWith('triangles: {len(results.frames)} flagged')")
    one = replace(results.frames[-1], flags=("off by far",))
    judged = replace(results, frames=(*(replace(f, flags=()) for f in results.frames[:-1]), one))
    follower.panels, follower.passed = json.loads(json.dumps(panels(judged))), 1
    page.wait_for_function(f"{QUALITY} == 'triangles: 1 flagged, last: frame {one.index}, off by far'")
    page.wait_for_function("sources.flagged.data.index.length == 1")
    assert max(page.evaluate("Array.from(sources.quality.data.value)")) < 7.0
    assert page.errors == []
    server.shutdown()
    follower.lines.close()


def test_who_is_no_operator_is_asked_for_the_token(page: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("electrosaxs.recipes.live.follow.Passes", lambda: None)
    (tmp_path / "run").mkdir()
    write_state(tmp_path / "run", {"phase": "running", "output": True, "voltage_V": 1.0})
    follower = Follower(tmp_path / "run", tmp_path)
    server = served(LiveFeed(follower, "op"), "op")
    page.goto(server.url)
    page.wait_for_function("document.getElementById('phase').textContent == 'running'")
    page.click("#abort")
    page.wait_for_selector("#operator:not([hidden])")
    assert not (tmp_path / "run" / "requests").exists()
    page.fill("#operator", "op")
    page.click("#abort")
    page.wait_for_function("document.getElementById('said').textContent.startsWith('abort: sent')")
    assert len(list((tmp_path / "run" / "requests").glob("*.json"))) == 1
    server.shutdown()
    follower.lines.close()


def test_a_number_has_no_digits_beyond_its_sigma(page: Any, quiet_results: tuple[RunResults, Path]) -> None:
    """One page for all of them: to open one takes a hundred times as long as to ask it."""
    server = served(ResultsFeed(quiet_results[0]))
    page.goto(server.url)
    for value, sigma, words in (
        (6.36, 8.6, "6.4 ± 8.6 %"),
        (0.264, 2.0, "0.3 ± 2 %"),
        (1234.4, 45.0, "1234 ± 45 %"),
        (0.0123456, 0.00034, "0.01235 ± 0.00034 %"),
        (1.5, None, "1.5 %"),
        (None, None, "not known yet"),
    ):
        found = json.dumps({"value": value, "sigma": sigma})
        assert page.evaluate(f"withSigma({found}, '%')") == words
    assert page.evaluate("[moment(3.97), moment(1620)]") == ["4 s", "27 min"]
    server.shutdown()


def test_a_flux_that_says_next_to_nothing_is_drawn_where_there_is_no_other(
    page: Any, quiet_results: tuple[RunResults, Path]
) -> None:
    server = served(ResultsFeed(quiet_results[0]))
    page.goto(server.url)
    page.wait_for_function("kept.pass == 1")
    drawn = """(sigma) => {
        kept.panels.flux = { time: [60, 120], value: [1e-10, 2e-10], sigma }; drawFlux();
        return [sources.flux.data.value.length, sources.flux_vague.data.value.length];
    }"""
    assert page.evaluate(drawn, [9e-10, 9e-10]) == [2, 0]
    assert page.evaluate(drawn, [9e-10, 1e-11]) == [1, 1]
    server.shutdown()
