"""The anode's height: what run.toml says, else the alignment frames, else the scans, else one line that says why not."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from electrosaxs.errors import CalibrationError
from electrosaxs.nouns import Number
from electrosaxs.recipes.analyse.anode import AnodePosition

from simulated_runs import analysed  # isort: skip


def test_a_beam_is_open_down_to_where_the_anode_hides_all_but_a_twentieth_of_it() -> None:
    position = AnodePosition(Number(4.6, 0.01, "um", "test"), fwhm_um=34.0)
    spread = 34.0 / 2.3548
    height = np.array([-100.0, -1.7 * spread, -1.6 * spread, 0.0, 50.0])
    assert position.is_open(height).tolist() == [False, False, True, True, True]
    assert position.stage_height_um == 4.6


def without(role: str, run: Path, *, lowest_um: float | None = None) -> None:
    """Rename the frames of a role to `empty`; sample frames below `lowest_um` too."""
    with h5py.File(run.parent / "frames.nxs", "r+") as file:
        table = file["entry/frames"]
        names, height = table["role"].asstr()[()], table["height"][()]
        low = np.zeros(height.shape, bool) if lowest_um is None else (names == "sample") & (height < lowest_um)
        table["role"][...] = [
            "empty" if name == role or under else name for name, under in zip(names, low, strict=True)
        ]


def test_neither_alignment_nor_shadow_is_refused_with_the_remedy(nexus_run: Path, tmp_path: Path) -> None:
    without("alignment", nexus_run, lowest_um=30.0)
    with pytest.raises(CalibrationError) as error:
        analysed(nexus_run, tmp_path / "out")
    assert "frames.nxs: anode height = not measurable: scans: no frame is partly blocked" in str(error.value)
    assert "give cell.anode_height_um in run.toml, or add alignment frames" in str(error.value)


def test_alignment_frames_that_miss_the_edge_are_noted_and_the_scans_asked(nexus_run: Path, tmp_path: Path) -> None:
    with h5py.File(nexus_run.parent / "frames.nxs", "r+") as file:
        table = file["entry/frames"]
        role = table["role"].asstr()[()]
        low = (role == "alignment") & (table["height"][()] < 60.0)
        table["role"][...] = ["empty" if under else name for name, under in zip(role, low, strict=True)]
    results = analysed(nexus_run, tmp_path / "out")
    assert any(note.startswith("alignment frames: ") for note in results.notes)
    found = results.numbers["anode_height"]
    assert abs(found.value - 4.6) < 4.0 * found.sigma
    assert found.sigma < 2.0


def test_an_edge_sharper_than_the_beam_is_said_to_be_makes_heights_and_phi_doubtful(
    nexus_run: Path, tmp_path: Path
) -> None:
    """A beam of 29 um taken for 34: the anode was 6 um off, and phi at the wall 5 %, without a word."""
    text = nexus_run.read_text()
    assert "fwhm_um = 34.0" in text
    nexus_run.write_text(text.replace("fwhm_um = 34.0", "fwhm_um = 42.0"))
    numbers = analysed(nexus_run, tmp_path / "out").numbers
    for name in ("anode_height", "slice_flux"):
        assert "beam.fwhm_um = 42 is too wide: the knife edge shows a beam of 34" in str(numbers[name].quality)


def test_frames_behind_the_anode_are_left_out_with_that_reason(nexus_run: Path, tmp_path: Path) -> None:
    with h5py.File(nexus_run.parent / "frames.nxs", "r+") as file:
        table = file["entry/frames"]
        table["height"][34] = 4.6 - 40.0
        table["transmission"][34] = 1e-4
    record = analysed(nexus_run, tmp_path / "out").frames[34]
    assert (record.used, record.scan, record.reason) == (False, -1, "beam behind the anode")
