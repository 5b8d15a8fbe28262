"""Folders of images (CBF, TIFF, EDF): each is read as it was written; one that is damaged or missing is named, not guessed."""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import fabio
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from electrosaxs.errors import FrameError, InputFileError, ShapeError
from electrosaxs.io.cbf import write_cbf
from electrosaxs.io.frame_table import read_table
from electrosaxs.io.images import open_frames, read_image
from electrosaxs.io.nexus import NexusFrames
from electrosaxs.io.nexus_writer import NexusFrameWriter
from electrosaxs.io.run_toml import read_run

sys.path.insert(0, str(Path(__file__).parent))
from run_folder import frame_table, write_run_folder

SHAPE = (37, 53)  # no multiple of 8: the last pixels are packed apart


def poisson_frames(n=6, shape=SHAPE, dtype=np.int32):
    return np.random.default_rng(5).poisson(1.7, (n, *shape)).astype(dtype)


def image_run(folder, frames, suffix="cbf"):
    names = tuple(f"f{i:03d}.{suffix}" for i in range(len(frames)))
    rows = ["sample"] * (len(frames) - 2) + ["reference", "solvent"]
    lines = [f"{n},{r},{50 * i},{10 + i},1,1e9,0.3" for i, (n, r) in enumerate(zip(names, rows, strict=True))]
    csv = "file,role,height_um,time_s,exposure_s,monitor_counts,transmission\n" + "\n".join(lines)
    run = read_run(write_run_folder(folder, csv=csv))
    for name, frame in zip(names, frames, strict=True):
        path = folder / "images" / name
        if suffix == "cbf":
            write_cbf(path, frame, {"Exposure_time": "1.0 s"})
        else:
            {"tif": fabio.tifimage.TifImage, "edf": fabio.edfimage.EdfImage}[suffix](data=frame).write(str(path))
    return run


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    frame=hnp.arrays(np.int32, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.integers(-2, 2**31 - 3))
)
def test_any_counts_survive_a_cbf_image(tmp_path, frame):
    write_cbf(tmp_path / "f.cbf", frame, {"Exposure_time": "1.0 s", "Detector:": "PILATUS 2M"})
    assert np.array_equal(read_image(tmp_path / "f.cbf"), frame)
    with fabio.open(tmp_path / "f.cbf") as image:
        assert np.array_equal(image.data, frame)


@pytest.mark.parametrize("suffix", ["cbf", "tif", "edf"])
def test_a_folder_of_images_gives_the_frames_in_the_order_of_the_table(tmp_path, suffix):
    frames = poisson_frames()
    run = image_run(tmp_path, frames, suffix)
    with closing(open_frames(run, read_table(run))) as reader, ThreadPoolExecutor(2) as pool:
        assert (len(reader), reader.shape) == (len(frames), SHAPE)
        for read, written in zip(pool.map(reader.read, range(len(frames))), frames, strict=True):
            assert np.array_equal(read, written)


def test_frames_say_at_which_count_a_pixel_is_full(tmp_path):
    frames = poisson_frames()
    run = image_run(tmp_path, frames)
    assert open_frames(run, read_table(run)).saturation is None
    write_cbf(tmp_path / "images" / "f001.cbf", frames[1], {"Count_cutoff": "1048575 counts"})
    assert open_frames(run, read_table(run)).saturation == 1048575.0
    for stated, found in ((4_190_000.0, 4_190_000.0), (0.0, None)):
        path = tmp_path / f"{stated:g}.nxs"
        with NexusFrameWriter(path, SHAPE, np.int32, len(frames), saturation=stated) as writer:
            writer.write_table(frame_table(len(frames), path))
        with closing(NexusFrames(path)) as reader:
            assert reader.saturation == found


@pytest.mark.parametrize("suffix", ["cbf", "tif", "edf"])
@pytest.mark.parametrize("keep", [0, 9, 0.2, 0.5, 0.9])
def test_a_truncated_image_is_a_frame_error_and_the_others_are_read(tmp_path, suffix, keep):
    frames = poisson_frames()
    run = image_run(tmp_path, frames, suffix)
    path = tmp_path / "images" / f"f003.{suffix}"
    content = path.read_bytes()
    path.write_bytes(content[: keep if keep >= 1 else int(keep * len(content))])
    reader = open_frames(run, read_table(run))
    with pytest.raises(FrameError, match=r"f003"):
        reader.read(3)
    assert np.array_equal(reader.read(4), frames[4])


def test_one_changed_byte_of_a_cbf_image_is_noticed(tmp_path):
    write_cbf(tmp_path / "f.cbf", poisson_frames()[0], {})
    content = bytearray((tmp_path / "f.cbf").read_bytes())
    content[content.index(b"\x0c\x1a\x04\xd5") + 500] ^= 1
    (tmp_path / "f.cbf").write_bytes(content)
    with pytest.raises(FrameError, match="checksum"):
        read_image(tmp_path / "f.cbf")


def test_an_image_of_another_shape_is_a_frame_error_even_if_it_is_the_first(tmp_path):
    frames = poisson_frames()
    run = image_run(tmp_path, frames)
    write_cbf(tmp_path / "images" / "f000.cbf", frames[0][:30], {})
    reader = open_frames(run, read_table(run))
    assert reader.shape == SHAPE
    with pytest.raises(FrameError, match=r"shape = \(30, 53\): the other frames have \(37, 53\)"):
        reader.read(0)


def test_a_sample_image_that_is_missing_costs_that_frame_and_a_missing_reference_the_run(tmp_path):
    run = image_run(tmp_path, poisson_frames(8))
    (tmp_path / "images" / "f002.cbf").unlink()
    with (
        closing(open_frames(run, read_table(run))) as reader,
        pytest.raises(FrameError, match=r"f002\.cbf.*no such file"),
    ):
        reader.read(2)
    (tmp_path / "images" / "f006.cbf").unlink()
    with pytest.raises(
        InputFileError, match=r"reference frames = 1 of 1 .* frame 6 .*f006\.cbf, and there is no such file"
    ):
        open_frames(run, read_table(run))


def test_most_sample_images_must_be_there(tmp_path):
    run = image_run(tmp_path, poisson_frames(8))
    for i in range(4):
        (tmp_path / "images" / f"f00{i}.cbf").unlink()
    with pytest.raises(InputFileError, match=r"sample frames = 4 of 6 .*f000\.cbf"):
        open_frames(run, read_table(run))
    for i in range(4, 8):
        (tmp_path / "images" / f"f00{i}.cbf").unlink()
    with pytest.raises(InputFileError, match=r"f000\.cbf: there is no such image .*\(7 others are missing too\)"):
        open_frames(run, read_table(run))


@pytest.mark.parametrize("value", [-3, 2**31 - 2])
def test_what_a_cbf_image_cannot_hold_is_not_wrapped(tmp_path, value):
    with pytest.raises(ShapeError, match="counts from -2"):
        write_cbf(tmp_path / "f.cbf", np.full((3, 4), value), {})


def test_a_real_pilatus_2m_frame_decodes(reference_data):
    frame = read_image(reference_data / "pilatus2m_cbf" / "frame_00006.cbf")
    assert frame.shape == (1679, 1475)
    assert frame.dtype == np.int32
    assert np.sum(frame < 0) == 197_849
    with fabio.open(reference_data / "pilatus2m_cbf" / "frame_00006.cbf") as image:
        assert np.array_equal(frame, image.data)


def test_a_real_edf_image_under_a_cbf_name_and_a_real_tiff_decode(reference_data):
    edf = read_image(reference_data / "agbeh_pilatus1m" / "sone_Standards_AgBeh_T20_ctr0_scan1_0000.cbf")
    assert (edf.shape, edf.dtype) == ((1043, 981), np.int32)
    assert edf.max() > 1000
    tiff = read_image(reference_data / "agbeh_pilatus300k" / "SFU_latest_0000145_caz.tiff")
    assert (tiff.shape, tiff.dtype) == ((619, 487), np.int32)


def test_whole_numbers_stored_as_floats_are_counts_and_fractions_are_none(tmp_path):
    counts = poisson_frames()
    stored = counts.astype(np.float32)
    stored[1, 3, 4] = np.nan
    run = image_run(tmp_path, stored, "tif")
    reader = open_frames(run, read_table(run))
    assert np.array_equal(reader.read(0), counts[0])
    assert reader.read(1)[3, 4] == -1
    run = image_run(tmp_path, 1.5 * stored, "tif")
    table = read_table(run)
    with pytest.raises(InputFileError, match="integer counts"):
        open_frames(run, table)
