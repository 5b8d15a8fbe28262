"""What HDF5 fills in silently is not there: it is named by file and frame, and never read as zero counts."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from electrosaxs.io.presence import Presence

SHAPE = (6, 8)


def source(path: Path, frames: int, written: int | None = None, chunks: tuple[int, int, int] = (1, *SHAPE)) -> None:
    """A file with data set `d` of `frames` frames, of which the first `written` were written."""
    with h5py.File(path, "w") as file:
        data = file.create_dataset("d", (frames, *SHAPE), "i4", chunks=chunks)
        data[:written] = np.random.default_rng(3).poisson(2.3, (frames if written is None else written, *SHAPE))


def missing(path: Path, name: str = "d") -> list[str]:
    """What is missing of each frame."""
    with h5py.File(path) as file:
        presence = Presence(file[name])
        return [presence.why_not(i) for i in range(len(file[name]))]


def virtual(path: Path, frames: int, *parts: tuple[object, h5py.VirtualSource]) -> list[str]:
    """What is missing of the frames of a virtual data set made of `parts` (where, source)."""
    layout = h5py.VirtualLayout((frames, *SHAPE), "i4")
    for where, part in parts:
        layout[where] = part
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("d", layout)
    return missing(path)


def all_of(name: str, frames: int, data: str = "d") -> h5py.VirtualSource:
    return h5py.VirtualSource(name, data, (frames, *SHAPE))


def test_a_source_that_was_not_copied_is_named(tmp_path: Path) -> None:
    source(tmp_path / "a.h5", 2)
    found = virtual(tmp_path / "v.h5", 5, (slice(0, 2), all_of("a.h5", 2)), (slice(2, 4), all_of("b.h5", 2)))
    assert found == [
        "",
        "",
        *["is in b.h5, and there is no such file"] * 2,
        "is mapped to no source of the virtual data set",
    ]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("short.h5", "d", "is in short.h5, which holds 2 frames only"),
        ("whole.h5", "x", "is in whole.h5, which has no data set x"),
        ("broken.h5", "d", "is in broken.h5, which is damaged or no HDF5 file"),
        ("killed.h5", "d", "is frame 2 of killed.h5, which was never written"),
        ("small.h5", "d", "is in small.h5, whose frames of (5, 8) pixels are too small"),
    ],
)
def test_a_source_that_does_not_hold_what_is_shown_of_it_is_named(
    tmp_path: Path, name: str, data: str, reason: str
) -> None:
    source(tmp_path / "short.h5", 2)
    source(tmp_path / "whole.h5", 4)
    source(tmp_path / "killed.h5", 4, 2)
    (tmp_path / "broken.h5").write_bytes(b"half a file")
    with h5py.File(tmp_path / "small.h5", "w") as file:
        file["d"] = np.ones((4, 5, 8), "i4")
    assert virtual(tmp_path / "v.h5", 4, (slice(0, 4), all_of(name, 4, data)))[2] == reason


def test_frames_are_found_in_a_part_of_a_source_between_those_of_another_and_through_two_files(tmp_path: Path) -> None:
    source(tmp_path / "big.h5", 10, 7)
    source(tmp_path / "a.h5", 4)
    late = "is frame 7 of big.h5, which was never written"
    assert virtual(tmp_path / "v.h5", 3, (slice(0, 3), all_of("big.h5", 10)[5:8])) == ["", "", late]
    assert virtual(tmp_path / "w.h5", 3, (slice(0, 3), all_of("v.h5", 3)))[2] == f"is frame 2 of v.h5, which {late}"
    between = virtual(
        tmp_path / "i.h5", 4, (slice(0, 4, 2), all_of("a.h5", 2)), (slice(1, 4, 2), all_of("big.h5", 10)[6:8])
    )
    assert between == ["", "", "", late]


def test_a_frame_of_which_a_module_is_missing_is_not_whole(tmp_path: Path) -> None:
    source(tmp_path / "a.h5", 2)
    top, bottom = np.s_[:, :3], np.s_[:, 3:]
    lost = virtual(tmp_path / "v.h5", 2, (top, all_of("a.h5", 2)[top]), (bottom, all_of("gone.h5", 2)[bottom]))
    assert lost == ["is in gone.h5, and there is no such file"] * 2
    with_gap = virtual(tmp_path / "g.h5", 2, (top, all_of("a.h5", 2)[top]))  # what no frame has is a gap
    assert with_gap == ["", ""]
    later = virtual(tmp_path / "l.h5", 2, (top, all_of("a.h5", 2)[top]), (np.s_[:1, 3:], all_of("a.h5", 2)[:1, 3:]))
    assert later[0] == ""
    assert later[1].startswith("is mapped in part only")


def test_a_writer_that_died_within_a_block_leaves_the_rest_of_it_unwritten(tmp_path: Path) -> None:
    source(tmp_path / "f.h5", 10, 6, chunks=(4, *SHAPE))
    assert missing(tmp_path / "f.h5") == [*[""] * 6, *["was never written"] * 4]
    with h5py.File(tmp_path / "tiles.h5", "w") as file:
        data = file.create_dataset("d", (2, *SHAPE), "i4", chunks=(1, 3, 8))
        data[0], data[1, :3] = 1, 1
    assert missing(tmp_path / "tiles.h5") == ["", "was written only in part (1 of 2 blocks of pixels)"]


@pytest.mark.parametrize("chunks", [(1, *SHAPE), (4, *SHAPE)])
def test_zeros_that_a_detector_wrote_are_there(tmp_path: Path, chunks: tuple[int, int, int]) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        data = file.create_dataset("d", (4, *SHAPE), "i4", chunks=chunks)
        data[...] = np.array([3, 0, 5, 7])[:, None, None]
    assert missing(tmp_path / "f.h5") == [""] * 4


def test_raw_files_beside_the_data_set_must_be_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with h5py.File("f.h5", "w") as file:
        half = 3 * SHAPE[0] * SHAPE[1] * 2
        file.create_dataset("d", (3, *SHAPE), "i4", external=[("1.raw", 0, half), ("2.raw", 0, half)])[...] = 7
        file.create_dataset("none", (3, *SHAPE), "i4")
    with Path("2.raw").open("r+b") as raw:
        raw.truncate(200)
    assert missing(Path("f.h5")) == ["", "", "is in 2.raw, which is truncated"]
    Path("1.raw").unlink()
    assert missing(Path("f.h5"))[0] == "is in 1.raw, and there is no such file"
    assert missing(Path("f.h5"), "none") == ["was never written"] * 3
