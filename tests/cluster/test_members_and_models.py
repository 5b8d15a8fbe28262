"""Members of a campaign, models and profiles of a fit, done by workers: the rows and numbers of the serial command."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from electrosaxs.cluster.pieces import in_order
from electrosaxs.cluster.workers import Cluster
from electrosaxs.inference.compare import HOPELESS, Attempt, Candidate, Comparison, compare
from electrosaxs.inference.observations import Observations
from electrosaxs.io.folder_lock import is_locked, locked
from electrosaxs.recipes.campaign import members
from electrosaxs.recipes.campaign.members import Task, compute_all
from electrosaxs.recipes.fit.fit_cell import profile_of

sys.path.insert(0, str(Path(__file__).parents[1] / "inference"))
from fit_cases import GROWING, empty_run, measured


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two workers, threads of this process."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=2, processes=False, dashboard_address=None) as local,
        Client(local, set_as_default=False) as client,
    ):
        yield Cluster(client, local.scheduler_address)


def test_a_member_that_fails_is_a_row_with_its_reason(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []

    def results(task: Task) -> None:
        if task.name == "b":
            raise RuntimeError("no crystals\nat all")
        done.append((task.name, task.threads))
        (task.results / members.NUMBERS).write_text("{}")

    monkeypatch.setattr(members, "_results", results)
    monkeypatch.setattr(members, "_state", lambda task: {"name": task.name})
    listed = [Task("run", name, tmp_path / name, True) for name in "abc"]
    trouble = compute_all(listed, workers=1, progress=None, cluster=cluster)
    assert trouble == {"b": "RuntimeError: no crystals at all"}
    assert sorted(done) == [("a", 2), ("c", 2)]
    assert compute_all(listed, workers=1, progress=None, cluster=cluster) == trouble
    assert len(done) == 2  # what is there and unchanged is not computed again


def test_a_folder_is_locked_as_long_as_it_is_written(tmp_path: Path) -> None:
    assert not is_locked(tmp_path)
    with locked(tmp_path, "analyse"):
        assert is_locked(tmp_path)
    assert not is_locked(tmp_path)


@pytest.fixture(scope="module")
def run() -> Observations:
    return measured(empty_run(scans=2, duration=300.0), GROWING, noise=0.02, shared=0.005, seed=5)


def compared(run: Observations, **how: object) -> Comparison:
    return compare(
        [run], charge_models=("fast-exchange", "neutralised-at-anode"), growth_models=("none",), field_models=("nominal",),
        fixed={"charge_exponent": 2.0, "diffusivity_scale": 1.0}, **how,  # type: ignore[arg-type]
    )  # fmt: skip


def test_models_fitted_side_by_side_are_those_fitted_one_after_the_other(
    run: Observations, cluster: Cluster, tmp_path: Path
) -> None:
    each = partial(in_order, cluster, tmp_path)
    one, other = compared(run), compared(run, each=each)
    for here, there in zip(one.candidates, other.candidates, strict=True):
        assert (here.model, here.reason, here.reached, here.bayes) == (
            there.model, there.reason, there.reached, there.bayes,
        )  # fmt: skip
        if here.fit is not None and there.fit is not None:
            assert np.array_equal(here.fit.x, there.fit.x)
            assert np.array_equal(here.fit.covariance, there.fit.covariance)
    jobs = [(one.best, "effective_charge")]
    (shape,) = each(profile_of, jobs)
    serial = profile_of(jobs[0])
    assert np.array_equal(shape.rise, serial.rise)  # type: ignore[union-attr]
    assert np.array_equal(shape.values, serial.values)  # type: ignore[union-attr]
    assert not list(tmp_path.iterdir())


def test_a_model_that_would_have_been_given_up_alone_is_given_up(
    run: Observations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second model is fitted beside the first, which it would have been hopeless against."""
    asked: list[tuple[str, float]] = []

    def attempt(given: Attempt) -> Candidate:
        asked.append((given.model.growth, given.hopeless))
        if given.model.growth == "none":
            return Candidate(given.model, fit(given, 1.0), reached=1.0)  # type: ignore[arg-type]
        stays_at = 50.0 * HOPELESS
        if stays_at > given.hopeless:
            return Candidate(given.model, None, f"given up at {given.hopeless}", stays_at, stays_at)
        return Candidate(given.model, fit(given, stays_at), reached=stays_at, beyond=stays_at)  # type: ignore[arg-type]

    def fit(given: Attempt, chi_squared: float) -> SimpleNamespace:
        problem = SimpleNamespace(model=given.model)
        return SimpleNamespace(chi_squared=chi_squared, observed=10.0, bayes=chi_squared, problem=problem)

    monkeypatch.setattr("electrosaxs.inference.compare.attempt_fit", attempt)
    monkeypatch.setattr("electrosaxs.inference.compare.refine", lambda candidate: candidate)
    monkeypatch.setattr("electrosaxs.inference.compare.settled", lambda fit: fit)
    kinds = {"charge_models": ("fast-exchange",), "growth_models": ("none", "pinned"), "field_models": ("nominal",)}
    alone = compare([run], **kinds)  # type: ignore[arg-type]
    beside = compare([run], each=lambda work, jobs: [work(job) for job in jobs], **kinds)  # type: ignore[arg-type]
    assert [c.reason for c in alone.candidates] == [c.reason for c in beside.candidates]
    assert alone.candidates[1].reason == f"given up at {10.0 * HOPELESS}"
    assert asked[2:] == [("none", np.inf), ("pinned", np.inf), ("pinned", 10.0 * HOPELESS)]
