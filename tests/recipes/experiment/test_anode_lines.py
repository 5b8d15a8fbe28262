"""Lines of crystals in single frames: seen early, of the right amount, and not where there are none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from analysis.synthetic_crystals import crystals_in_solution
from closeness import assert_close
from simulated_runs import Demonstration

from electrosaxs.analysis.spheres.fit import SphereFit, fit_spheres
from electrosaxs.io.frame_table import read_table
from electrosaxs.io.images import open_frames
from electrosaxs.io.run_toml import read_run
from electrosaxs.nouns import Role, SampleIntensity
from electrosaxs.recipes.experiment import frame_phi
from electrosaxs.recipes.experiment.anode_lines import AnodeLines
from electrosaxs.recipes.experiment.frame_phi import FramePhi
from electrosaxs.recipes.experiment.kept_frames import Kept

SHARES = [0.005, 0.02, 0.05, 0.2, 0.5]


def growing(shares: list[float], seed: int) -> list[SampleIntensity]:
    """Frames with these shares of the particles in crystals."""
    whole = crystals_in_solution(shares, gain=0.1, seed=seed)
    return [
        SampleIntensity(
            whole.data["frame", k : k + 1], {name: s["frame", k : k + 1] for name, s in whole.shared.items()}
        )
        for k in range(len(shares))
    ]


def test_no_lines_are_seen_where_nothing_crystallises() -> None:
    lines = AnodeLines()
    assert [lines.shown(frame) for frame in growing([0.0] * 20, seed=3)] == [None] * 20


@pytest.mark.parametrize("seed", range(3))
def test_the_share_is_that_of_the_frame_from_a_few_percent_on(seed: int) -> None:
    lines = AnodeLines()
    read = [lines.shown(frame) for frame in growing(SHARES, seed=10 + seed)]
    found = [(share, one) for share, one in zip(SHARES, read, strict=True) if one is not None]
    seen = [(share, one.value("fraction"), one.sigma("fraction")) for share, one in found]
    assert len(seen) >= 3
    true, value, sigma = np.array(seen).T
    assert_close(value, true, rel=0.2)
    assert np.all(np.abs(value - true) < 4.0 * sigma + 0.03 * true)
    assert np.all(sigma < value / 5.0)


def test_a_lattice_that_a_weak_frame_chose_is_chosen_again_in_a_clear_one() -> None:
    lines = AnodeLines()
    weak, clear = growing([0.05, 0.6], seed=21)
    assert lines.shown(weak) is not None
    first = lines._lattice
    assert lines.shown(clear) is not None
    assert lines._lattice is not first
    assert lines.shown(clear) is not None


def test_a_frame_of_too_few_bins_has_no_lines() -> None:
    frame = growing([0.5], seed=5)[0]
    assert (
        AnodeLines().shown(SampleIntensity(frame.data["q", :20], {n: s["q", :20] for n, s in frame.shared.items()}))
        is None
    )


def test_frames_of_a_run_tell_crystals_at_the_anode_as_it_went_on(
    demonstration: Demonstration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside phi: the first scan after the onset shows them at the anode, none before it does, and no height above."""
    run = read_run(demonstration.folder / "run" / "run.toml")
    table = read_table(run)
    reader = open_frames(run, table)
    rows = [
        {name: float(getattr(table, name)[k]) for name in ("height", "time", "exposure", "monitor", "transmission")}
        for k in range(len(table))
    ]
    kept = [Kept(reader.read(k), Role(str(table.role[k])), rows[k]) for k in range(len(table))]
    phi = FramePhi(run, [one for one in kept if one.role is not Role.SAMPLE], tmp_path, saturation=reader.saturation)
    sample = [one for one in kept if one.role is Role.SAMPLE and np.isfinite(one.row["height"])]
    anode = float(demonstration.truth.numbers["anode_height"].value or 0.0)
    onset = float(demonstration.truth.numbers["onset_time"].value or np.inf)
    lowest = min((one.row["height"] - anode for one in sample), key=abs)
    at_the_anode = [one for one in sample if abs(one.row["height"] - anode - lowest) < 1.0]
    early = [one for one in at_the_anode if one.row["time"] < onset]
    high = max(sample, key=lambda one: (one.row["time"], one.row["height"]))
    assert early
    assert all(phi.measure(one.image, one.row, lines=True).crystals is None for one in (*early, high))
    first = next(one for one in at_the_anode if one.row["time"] > onset)
    read = phi.measure(first.image, first.row, lines=True)
    assert read.crystals is not None
    value, sigma = read.crystals
    assert 0.0 < sigma < value < read.phi
    assert phi.measure(first.image, first.row).crystals is None
    monkeypatch.setattr(frame_phi, "fit_spheres", lambda sample, workers: no_spheres(fit_spheres(sample, workers=1)))
    assert "no spheres fit" in phi.measure(first.image, first.row).why
    again = phi.measure(first.image, first.row, lines=True)  # a frame full of crystals tells them best
    assert again.crystals is not None
    assert_close(again.phi, read.phi, rel=0.05)
    assert_close(again.crystals[0] / again.phi, value / read.phi, rel=1e-9)
    assert 0.0 < again.sigma < 0.1 * again.phi


def no_spheres(fit: SphereFit) -> SphereFit:
    """The fit as one that did not converge."""
    untold = {
        name: np.full_like(getattr(fit, name), np.nan) for name in ("scale", "diameter", "deviation", "background")
    }
    covariance, influence = np.full_like(fit.covariance, np.nan), np.full_like(fit.influence, np.nan)
    return replace(fit, **untold, covariance=covariance, influence=influence, flags=(("not converged",),))
