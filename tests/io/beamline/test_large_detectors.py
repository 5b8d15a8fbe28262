"""Stacks of Eiger and Lima: packed either way, in many files of which some are missing, virtual, or still being written."""

import sys
from contextlib import closing
from pathlib import Path

import fabio.edfimage
import h5py
import hdf5plugin
import numpy as np
import pytest

from electrosaxs.errors import FrameError, InputFileError
from electrosaxs.io.beamline.detector_facts import detector_facts
from electrosaxs.io.beamline.stacks import the_stack
from electrosaxs.io.frame_table import read_table
from electrosaxs.io.images import open_frames
from electrosaxs.io.kept_open import MOST, KeptOpen
from electrosaxs.io.run_toml import read_run
from electrosaxs.reduction.azimuthal import comparable

sys.path.insert(0, str(Path(__file__).parent))
import layouts

PACKINGS = {
    "bitshuffle LZ4": dict(hdf5plugin.Bitshuffle(cname="lz4")),
    "bitshuffle Zstandard": dict(hdf5plugin.Bitshuffle(cname="zstd")),
    "LZ4": dict(hdf5plugin.LZ4()),
    "none": {"compression": None},
}


def opened(folder: Path, frames_toml: str):
    run = read_run(layouts.write_run(folder, frames_toml))
    return closing(open_frames(run, read_table(run)))


@pytest.mark.parametrize("packing", PACKINGS)
def test_frames_of_a_master_are_read_however_they_are_packed(tmp_path: Path, packing: str) -> None:
    with opened(tmp_path, layouts.dectris(tmp_path, **PACKINGS[packing])) as reader:
        for i, frame in enumerate(layouts.frames()):
            read = reader.read(i)
            assert read.dtype == np.uint32
            assert np.array_equal(read[10:], frame[10:])


def test_bad_pixels_and_the_detector_s_limit_are_left_out(tmp_path: Path) -> None:
    with opened(tmp_path, layouts.dectris(tmp_path)) as reader:
        assert reader.saturation == 245916
        pixels, limit, _ = comparable(reader.read(2), reader.saturation)
    assert limit == 245916
    assert np.flatnonzero(pixels >= limit).tolist() == [3 * layouts.SHAPE[1] + x for x in range(4)]
    with opened(tmp_path, layouts.dectris(tmp_path)) as reader:
        assert comparable(reader.read(2))[1] == 2**32 - 2


def test_a_master_tells_what_was_done_to_the_counts(tmp_path: Path) -> None:
    text = layouts.dectris(tmp_path)
    facts = detector_facts(tmp_path / "run_master.h5", "/entry/data/data_000001")
    assert facts.corrections == ("dead time is corrected", "flat field is applied", "its pixel mask is applied")
    assert (facts.exposure, facts.frames, facts.mask, facts.wavelength_nm) == (0.75, 12, "", pytest.approx(0.09322))
    with h5py.File(tmp_path / "run_master.h5", "a") as file:
        file["entry/instrument/detector/countrate_correction_applied"][()] = 0
        file["entry/instrument/detector/pixel_mask_applied"][()] = 0
    facts = detector_facts(tmp_path / "run_master.h5", "/entry/data/data_000001")
    assert "dead time is not corrected" in facts.corrections
    assert facts.mask == "/entry/instrument/detector/detectorSpecific/pixel_mask"
    table = read_table(read_run(layouts.write_run(tmp_path, text)))
    assert any("Dectris EIGER2 Si 4M: dead time is not corrected" in words for words in table.origin)


@pytest.mark.parametrize("lost", [2, 4])
def test_a_data_file_that_was_not_copied_costs_its_frames_alone(tmp_path: Path, lost: int) -> None:
    with opened(tmp_path, layouts.dectris(tmp_path, per_file=3, lost=lost)) as reader:
        gone = range(3 * lost - 3, 3 * lost)
        assert [i for i in range(layouts.N) if reader.why_not(i)] == list(gone)
        with pytest.raises(FrameError, match=f"is in run_data_00000{lost}.h5, and there is no such file"):
            reader.read(gone[0])
        assert np.array_equal(reader.read(0)[10:], layouts.frames()[0][10:])


def test_a_virtual_data_set_of_whole_frames_is_read_from_its_sources(tmp_path: Path) -> None:
    text = layouts.bliss(tmp_path)
    (tmp_path / "scan0003" / "eiger_0000.h5").rename(tmp_path / "eiger.h5")
    table = read_table(run := read_run(layouts.write_run(tmp_path, text)))
    with pytest.raises(InputFileError, match=r"sample frames = 8 of 8 are not there: frame 4 is in eiger_0000.h5"):
        open_frames(run, table)
    (tmp_path / "eiger.h5").rename(tmp_path / "scan0003" / "eiger_0000.h5")
    with closing(open_frames(run, table)) as reader:
        chunk = tmp_path / "scan0003" / "eiger_0000.h5"
        with h5py.File(chunk, "r") as file:
            at = file["entry_0000/measurement/data"].id.get_chunk_info_by_coord((2, 0, 0))
        with chunk.open(
            "r+b"
        ) as stream:  # a damaged block is noticed by our decoder, which the way through HDF5 passes by
            stream.seek(at.byte_offset + 12)
            stream.write(b"\x7f\xff\xff\xff")
        with pytest.raises(
            FrameError, match=r"eiger_0000\.h5: frame 2 = unreadable: has blocks that reach beyond its chunk"
        ):
            reader.read(6)
        assert np.array_equal(reader.read(7), layouts.frames()[7])


def test_a_virtual_data_set_with_two_dimensions_of_scan_is_numbered_through(tmp_path: Path) -> None:
    frames = layouts.frames()
    for row in range(3):
        with h5py.File(tmp_path / f"row_{row}.h5", "w") as file:
            file.create_dataset("d", data=frames[4 * row : 4 * row + 4], chunks=(1, *layouts.SHAPE))
    layout = h5py.VirtualLayout((3, 4, *layouts.SHAPE), "<i4")
    for row in range(3):
        layout[row] = h5py.VirtualSource(f"row_{row}.h5", "d", (4, *layouts.SHAPE))
    with h5py.File(tmp_path / "map.h5", "w") as file:
        file.create_virtual_dataset("map/data", layout)
    (tmp_path / "row_1.h5").unlink()
    layouts.write_spec(tmp_path / "scan.spec")
    text = f'[frames]\nnexus = "map.h5"\ntable = "scan.spec"\n\n[frames.columns]\n{layouts.SPEC_COLUMNS}'
    with opened(tmp_path, text + 'role = { reference = "0-1", solvent = "2-3" }\n') as reader:
        assert [i for i in range(layouts.N) if reader.why_not(i)] == [4, 5, 6, 7]
        assert np.array_equal(reader.read(9), frames[9])


def test_a_stack_that_is_still_being_written_gives_the_frames_that_are_there(tmp_path: Path) -> None:
    frames = layouts.frames()
    layouts.write_spec(tmp_path / "scan.spec")
    text = f'[frames]\nnexus = "live.h5"\ntable = "scan.spec"\n\n[frames.columns]\n{layouts.SPEC_COLUMNS}'
    text += 'role = { reference = "0-1", solvent = "2-3" }\n'
    with h5py.File(tmp_path / "live.h5", "w", libver="latest") as writer:
        data = writer.create_dataset(
            "entry/data/data", (0, *layouts.SHAPE), "i4", maxshape=(None, *layouts.SHAPE), chunks=(1, *layouts.SHAPE)
        )
        writer.swmr_mode = True
        data.resize(9, axis=0)
        data[:] = frames[:9]
        data.flush()
        with opened(tmp_path, text) as reader:
            assert [i for i in range(layouts.N) if reader.why_not(i)] == [9, 10, 11]
            assert np.array_equal(reader.read(8), frames[8])
            with pytest.raises(FrameError, match="was never written"):
                reader.read(10)


def test_files_that_hold_several_images_are_numbered_through(tmp_path: Path) -> None:
    frames = layouts.frames()
    for number, rows in ((9, slice(0, 7)), (10, slice(7, 12))):
        image = fabio.edfimage.EdfImage(data=frames[rows][0])
        for frame in frames[rows][1:]:
            image.append_frame(data=frame)
        image.write(str(tmp_path / f"im_{number}.edf"))
    layouts.write_spec(tmp_path / "scan.spec")
    text = f'[frames]\nimages = "im_*.edf"\ntable = "scan.spec"\n\n[frames.columns]\n{layouts.SPEC_COLUMNS}'
    with opened(tmp_path, text + 'role = { reference = "0-1", solvent = "2-3" }\n') as reader:
        for i, frame in enumerate(frames):
            assert np.array_equal(reader.read(i), frame)


def test_one_hdf5_file_per_frame_is_found_by_the_names_of_another_computer(tmp_path: Path) -> None:
    with opened(tmp_path, layouts.text_and_hdf5(tmp_path)) as reader:
        for i, frame in enumerate(layouts.frames()):
            assert np.array_equal(reader.read(i), frame)


class Held:
    """Counts what is open."""

    open = 0

    def __init__(self, _: int) -> None:
        Held.open += 1

    def close(self) -> None:
        Held.open -= 1


def test_no_more_files_are_held_open_than_a_few_and_none_is_closed_in_use(tmp_path: Path) -> None:
    kept: KeptOpen[int, Held] = KeptOpen(Held)
    with kept.of(0) as first:
        for key in range(1, 100):
            with kept.of(key):
                assert Held.open <= MOST + 1
        with kept.of(0) as again:
            assert again is first
    kept.close()
    assert Held.open == 0


def test_many_data_files_are_one_stack(tmp_path: Path) -> None:
    layouts.dectris(tmp_path, per_file=1)
    many = the_stack(tmp_path / "run_master.h5", None)
    assert many.frames == layouts.N
    assert many.text() == "12 x 48 x 40 uint32, bitshuffle LZ4, 12 data sets"
