"""Every frame that was written is read as it was, from any form and thread; a damaged one is named, not guessed."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from electrosaxs.errors import FrameError, InputFileError, ShapeError
from electrosaxs.io import hdf5
from electrosaxs.io.frame_table import read_table
from electrosaxs.io.hdf5 import is_cut, open_hdf5
from electrosaxs.io.images import open_frames
from electrosaxs.io.nexus import DATA, NexusFrames
from electrosaxs.io.nexus_writer import NexusFrameWriter
from electrosaxs.io.run_toml import read_run

sys.path.insert(0, str(Path(__file__).parent))
from run_folder import frame_table, with_nexus, write_run_folder

SHAPE = (37, 53)  # no multiple of 8: the last pixels are packed apart


def poisson_frames(n=6, shape=SHAPE, dtype=np.int32):
    return np.random.default_rng(5).poisson(1.7, (n, *shape)).astype(dtype)


def nexus_file(path, frames, table=None, workers=2):
    with NexusFrameWriter(path, frames.shape[1:], frames.dtype, len(frames)) as writer:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(writer.write, range(len(frames)), frames))
        writer.write_table(table or frame_table(len(frames), path))
    return path


@pytest.mark.parametrize("dtype", ["int32", "uint32", "uint16", "int16", "uint8"])
def test_frames_written_from_two_threads_are_read_as_they_were(tmp_path, dtype):
    frames = poisson_frames(dtype=dtype)
    run = with_nexus(read_run(write_run_folder(tmp_path)), nexus_file(tmp_path / "f.nxs", frames))
    with closing(open_frames(run, read_table(run))) as reader, ThreadPoolExecutor(2) as pool:
        assert reader.shape == SHAPE
        assert len(reader) == len(frames)
        for read, written in zip(pool.map(reader.read, range(len(frames))), frames, strict=True):
            assert read.dtype == written.dtype
            assert np.array_equal(read, written)


FORMS = {
    "bitshuffle LZ4": {"chunks": (1, *SHAPE), "compression": hdf5plugin.Bitshuffle(cname="lz4")},
    "bitshuffle LZ4, own block size": {"chunks": (1, *SHAPE), "compression": hdf5plugin.Bitshuffle(nelems=512)},
    "bitshuffle Zstandard": {"chunks": (1, *SHAPE), "compression": hdf5plugin.Bitshuffle(cname="zstd")},
    "two frames a chunk": {"chunks": (2, *SHAPE), "compression": hdf5plugin.Bitshuffle(cname="lz4")},
    "half a frame a chunk": {"chunks": (1, 20, 53), "compression": hdf5plugin.Bitshuffle(cname="lz4")},
    "LZ4": {"chunks": (1, *SHAPE), "compression": hdf5plugin.LZ4()},
    "Blosc": {"chunks": (1, *SHAPE), "compression": hdf5plugin.Blosc()},
    "gzip and shuffle": {"chunks": (1, *SHAPE), "compression": "gzip", "shuffle": True},
    "gzip and checksum": {"chunks": (1, *SHAPE), "compression": "gzip", "fletcher32": True},
    "chunked, not packed": {"chunks": (1, *SHAPE)},
    "contiguous": {},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", ["<i4", ">u2"])
def test_any_filter_and_chunk_gives_the_same_frames(tmp_path, form, dtype):
    frames = poisson_frames(dtype=dtype)
    with h5py.File(tmp_path / "f.nxs", "w") as file:
        file.create_dataset(DATA, data=frames, **FORMS[form])
    with closing(NexusFrames(tmp_path / "f.nxs")) as reader, ThreadPoolExecutor(2) as pool:
        for read, written in zip(pool.map(reader.read, range(len(frames))), frames, strict=True):
            assert np.array_equal(read, written)
            assert read.dtype.isnative
            assert read.flags["C_CONTIGUOUS"]


def test_a_block_of_frames_stays_unpacked_while_they_are_read(tmp_path):
    with h5py.File(tmp_path / "f.nxs", "w") as file:
        file.create_dataset(DATA, data=poisson_frames(), chunks=(3, *SHAPE), compression="gzip")
    with closing(NexusFrames(tmp_path / "f.nxs")) as reader:
        _, size, _ = reader._data.id.get_access_plist().get_chunk_cache()
        assert size == 2 * 3 * SHAPE[0] * SHAPE[1] * 4
        assert np.array_equal(reader.read(4), poisson_frames()[4])


def test_hdf5_and_its_own_filter_read_what_the_writer_packed(tmp_path):
    frames = poisson_frames()
    with h5py.File(nexus_file(tmp_path / "f.nxs", frames), "r") as file:
        assert np.array_equal(file[DATA][()], frames)
        assert file[file.attrs["default"]].attrs["NX_class"] == "NXentry"
        assert np.array_equal(file["entry/data/data"][3], frames[3])


def test_frames_of_a_linked_and_of_a_virtual_data_set_are_read(tmp_path):
    frames = poisson_frames()
    nexus_file(tmp_path / "part.nxs", frames)
    with h5py.File(tmp_path / "linked.nxs", "w") as file:
        file[DATA] = h5py.ExternalLink("part.nxs", DATA)
    layout = h5py.VirtualLayout(frames.shape, "i4")
    layout[...] = h5py.VirtualSource("part.nxs", DATA, shape=frames.shape)
    with h5py.File(tmp_path / "virtual.nxs", "w") as file:
        file.create_virtual_dataset(DATA, layout)
    for name in ("linked.nxs", "virtual.nxs"):
        with closing(NexusFrames(tmp_path / name)) as reader:
            assert np.array_equal(reader.read(4), frames[4])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    frames=hnp.arrays(
        st.sampled_from([np.int32, np.uint16, np.uint32]),
        st.tuples(st.integers(2, 4), st.integers(1, 40), st.integers(1, 40)),
    )
)
def test_any_counts_survive_the_nexus_file(tmp_path, frames):
    with closing(NexusFrames(nexus_file(tmp_path / "f.nxs", frames, workers=1))) as reader:
        for i, frame in enumerate(frames):
            assert np.array_equal(reader.read(i), frame)


def test_a_damaged_frame_is_named_and_the_others_are_read(tmp_path):
    frames = poisson_frames(12)
    path = nexus_file(tmp_path / "f.nxs", frames)
    with h5py.File(path, "r") as file:
        chunk = file[DATA].id.get_chunk_info_by_coord((5, 0, 0))
    with path.open("r+b") as stream:
        stream.seek(chunk.byte_offset + 12)
        stream.write(b"\xff" * (chunk.size - 12))
    with closing(NexusFrames(path)) as reader:
        with pytest.raises(FrameError, match="frame 5 = unreadable"):
            reader.read(5)
        assert np.array_equal(reader.read(6), frames[6])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1), junk=st.binary(min_size=1, max_size=40))
def test_no_damage_to_a_frame_ends_the_process(tmp_path, share, junk):
    """The lengths of the packed blocks stand between the data: followed blindly they lead out of the file."""
    path = tmp_path / "f.nxs"
    if not path.exists():
        nexus_file(path, poisson_frames(2, (97, 211)))
    content = path.read_bytes()
    with h5py.File(path, "r") as file:
        chunk = file[DATA].id.get_chunk_info_by_coord((1, 0, 0))
    start = chunk.byte_offset + int(share * (chunk.size - len(junk)))
    (tmp_path / "damaged.nxs").write_bytes(content[:start] + junk + content[start + len(junk) :])
    with closing(NexusFrames(tmp_path / "damaged.nxs")) as reader, suppress(FrameError):
        assert reader.read(1).shape == (97, 211)


def test_a_block_length_that_leads_out_of_the_chunk_is_noticed(tmp_path):
    path = nexus_file(tmp_path / "f.nxs", poisson_frames(2, (97, 211)))
    with h5py.File(path, "r") as file:
        chunk = file[DATA].id.get_chunk_info_by_coord((1, 0, 0))
    with path.open("r+b") as stream:
        stream.seek(chunk.byte_offset + 12)
        stream.write(b"\x7f\xff\xff\xff")
    with closing(NexusFrames(path)) as reader, pytest.raises(FrameError, match="reach beyond its chunk"):
        reader.read(1)


@pytest.mark.parametrize("form", ["bitshuffle LZ4", "gzip and shuffle"])
def test_a_frame_that_was_never_written_is_not_read_as_zeros(tmp_path, form):
    frames = poisson_frames()
    with h5py.File(tmp_path / "f.nxs", "w") as file:
        file.create_dataset(DATA, frames.shape, "i4", **FORMS[form])[:3] = frames[:3]
    with closing(NexusFrames(tmp_path / "f.nxs")) as reader:
        assert np.array_equal(reader.read(2), frames[2])
        with pytest.raises(FrameError, match="frame 4 = unreadable: was never written"):
            reader.read(4)
        with pytest.raises(IndexError):
            reader.read(6)


def test_a_link_that_leads_nowhere_says_where_it_leads(tmp_path):
    for at in ("entry/instrument/detector", DATA.lstrip("/")):
        path = tmp_path / "f.nxs"
        with h5py.File(path, "w") as file:
            file[at] = h5py.ExternalLink("raw_7.h5", "/entry/data")
        with pytest.raises(InputFileError, match=r"detector/data = link to raw_7\.h5::/entry/data: .*leads nowhere"):
            NexusFrames(path)


def test_a_run_whose_solvent_frames_were_not_copied_is_refused_by_their_file(tmp_path):
    run = read_run(write_run_folder(tmp_path))
    frames, layout = poisson_frames(6), h5py.VirtualLayout((6, *SHAPE), "i4")
    layout[1:2] = h5py.VirtualSource("raw_2.h5", "d", (1, *SHAPE))
    with h5py.File(tmp_path / "raw.h5", "w") as raw:
        raw["d"] = frames
        layout[:1] = h5py.VirtualSource(raw["d"])[:1]
        layout[2:] = h5py.VirtualSource(raw["d"])[2:]
    with h5py.File(tmp_path / "f.nxs", "w") as file:
        file.create_virtual_dataset(DATA, layout)
    with pytest.raises(
        InputFileError, match=r"solvent frames = 1 of 1 .*frame 1 is in raw_2\.h5, and there is no such file"
    ):
        open_frames(with_nexus(run, tmp_path / "f.nxs"), frame_table(6, tmp_path / "f.nxs"))


def test_a_file_for_many_readers_that_was_copied_in_part_is_refused_and_not_waited_for(tmp_path, monkeypatch):
    """HDF5 opens it as one that is being written, and then waits for what is missing."""
    path = tmp_path / "frames.nxs"
    with h5py.File(path, "w", libver="latest") as file:
        images = file.create_dataset("entry/data", (0, 20, 20), "u4", maxshape=(None, 20, 20), chunks=(1, 20, 20))
        file.swmr_mode = True
        for count in range(1, 40):
            images.resize(count, axis=0)
            images[count - 1] = count
        assert not is_cut(path)  # while it is written
    assert not is_cut(path)
    whole = path.stat().st_size
    os.truncate(path, whole - 20)  # as a disk leaves it that is full when the file is closed
    assert is_cut(path)
    with open_hdf5(path) as file:
        assert file["entry/data"][30].max() == 31
    os.truncate(path, whole // 2)
    monkeypatch.setattr(hdf5, "TRY", "import time; time.sleep(60)")  # as HDF5 where an index is missing
    monkeypatch.setattr(hdf5, "PATIENCE_S", 0.3)
    with pytest.raises(
        InputFileError, match=f"truncated file: eof = {whole // 2}, .*stored_eof = {whole}; copy it again"
    ):
        open_hdf5(path)


def test_a_truncated_nexus_file_is_refused(tmp_path):
    path = nexus_file(tmp_path / "f.nxs", poisson_frames())
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(InputFileError, match="truncated file"):
        NexusFrames(path)


def test_a_nexus_file_whose_head_is_damaged_is_refused(tmp_path):
    """h5py then raises a RuntimeError where it is tried as a file that is being written."""
    path = tmp_path / "f.nxs"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(4000))
    with pytest.raises(InputFileError, match=r"f\.nxs: .*bad byte number.*copy it again"):
        NexusFrames(path)


def write_data(path, data, name=DATA):
    with h5py.File(path, "w") as file:
        file.create_dataset(name, data=data)
    return path


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (np.zeros((3, 4), int), DATA, r"shape \(3, 4\): must be \(frame, y, x\)"),
        (np.full((3, 4, 5), 1.5), DATA, "type float64, one pixel of frame 0 holds 1.5: must be integer counts"),
        (np.zeros((3, 4, 5), int), "/entry/data/data", "/entry/instrument/detector/data = missing"),
    ],
)
def test_data_of_another_form_are_refused(tmp_path, data, name, message):
    with pytest.raises(InputFileError, match=message):
        NexusFrames(write_data(tmp_path / "f.nxs", data, name))


def test_as_many_frames_as_rows(tmp_path):
    run = with_nexus(read_run(write_run_folder(tmp_path)), nexus_file(tmp_path / "f.nxs", poisson_frames(6)))
    with pytest.raises(InputFileError, match="6 frames: the table /entry/frames has 5 rows"):
        open_frames(run, frame_table(5, tmp_path))


def interrupted_write(path, frame):
    with NexusFrameWriter(path, SHAPE, "i4", 6) as writer:
        writer.write(0, frame)
        raise RuntimeError("stop")


def test_a_file_that_was_not_finished_does_not_appear(tmp_path):
    with pytest.raises(RuntimeError, match="stop"):
        interrupted_write(tmp_path / "f.nxs", poisson_frames()[0])
    assert list(tmp_path.iterdir()) == []


def test_the_writer_refuses_frames_and_tables_of_another_form(tmp_path):
    with pytest.raises(ShapeError, match="integer counts"):
        NexusFrameWriter(tmp_path / "f.nxs", SHAPE, np.float32, 6)
    with NexusFrameWriter(tmp_path / "f.nxs", SHAPE, np.int32, 6) as writer:
        for frame in (poisson_frames()[0][:5], poisson_frames()[0].astype(np.int64)):
            with pytest.raises(ShapeError, match="this file holds int32"):
                writer.write(0, frame)
        with pytest.raises(ShapeError, match="5 rows"):
            writer.write_table(frame_table(5, tmp_path))
