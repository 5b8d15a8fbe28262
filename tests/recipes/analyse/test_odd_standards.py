"""One bad frame of the starting solution does not make all of phi wrong."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import scipp as sc

from electrosaxs.nouns import Role
from electrosaxs.recipes.analyse.odd_standards import without_odd_standards


class Run(SimpleNamespace):
    """Frames of solvent and starting solution with these monitors; counts are those of an even beam."""

    def frames(self, role: Role) -> np.ndarray:
        usable = np.array([not f for f in self.flags])
        return np.flatnonzero((self.table.role == str(role)) & usable)

    def counts(self, frames: np.ndarray) -> SimpleNamespace:
        level = np.where(self.table.role[frames] == "solvent", 1e5, 4e5)
        dims = ["frame", "q"]
        counts = sc.array(dims=dims, values=np.stack([level, level], axis=1))
        return SimpleNamespace(counts=counts, norm=sc.array(dims=dims, values=np.ones((frames.size, 2))))


def flagged(monkeypatch: pytest.MonkeyPatch, roles: list[str], monitor: list[float]) -> list[int]:
    table = SimpleNamespace(role=np.array(roles), monitor=np.array(monitor), transmission=np.full(len(roles), 0.4))
    monkeypatch.setattr(
        "electrosaxs.recipes.analyse.odd_standards.replace", lambda run, flags: Run(table=run.table, flags=flags)
    )
    assert replace is not None
    found = without_odd_standards(Run(table=table, flags=((),) * len(roles)))  # type: ignore[arg-type]
    return [i for i, flags in enumerate(found.flags) if flags]


ROLES = ["solvent"] * 3 + ["reference"] * 4


def test_the_one_frame_whose_monitor_was_read_wrong_is_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert flagged(monkeypatch, ROLES, [1.0, 1.0002, 0.8, 1.3, 1.0, 1.001, 0.999]) == [2, 3]


def test_frames_that_scatter_alike_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    assert flagged(monkeypatch, ROLES, [1.0, 1.004, 0.997, 1.03, 0.98, 1.0, 1.02]) == []


def test_two_frames_do_not_tell_which_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert flagged(monkeypatch, ["solvent"] * 2 + ["reference"] * 2, [1.0, 1.3, 1.0, 0.7]) == []
