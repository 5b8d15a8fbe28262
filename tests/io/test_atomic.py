"""A file appears whole or not at all, and a disk that is full is told with the file's name, whoever was writing."""

import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from fake_results import fake_results

from electrosaxs.io.atomic import replacing
from electrosaxs.io.intensity import IntensityWriter
from electrosaxs.io.nexus_writer import NexusFrameWriter
from electrosaxs.io.results import write_results

NOISE = np.random.default_rng(1).integers(0, 2**31 - 1, (4, 100, 100), dtype=np.int32)


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 20 kB: to a program the same as a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def text(path: Path) -> None:
    with replacing(path) as part:
        part.write_text("x" * 30_000)


def maps(path: Path) -> None:
    write_results(path, fake_results(), command="analyse")


def arrays(path: Path) -> None:
    with replacing(path) as part, h5py.File(part, "w") as file:
        file["a"] = NOISE


def frames(path: Path) -> None:
    with NexusFrameWriter(path, (100, 100), np.int32, 4) as writer:
        for index, frame in enumerate(NOISE):
            writer.write(index, frame)


def intensity(path: Path) -> None:
    with IntensityWriter(path, 3, 4, np.linspace(0.1, 3.5, 1000)) as writer:
        writer.write(np.zeros(4, int), np.arange(4), NOISE.reshape(-1)[:4000].reshape(4, 1000), np.ones((4, 1000)))


@pytest.mark.parametrize("write", [text, maps, arrays, frames, intensity])
@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_is_named_and_leaves_nothing(write: Callable[[Path], None], tmp_path: Path) -> None:
    with pytest.raises(OSError, match="File too large") as told:
        write(tmp_path / "out.nxs")
    assert told.value.filename == str(tmp_path / "out.nxs")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_leaves_the_earlier_file(tmp_path: Path) -> None:
    (tmp_path / "out.nxs").write_text("finished before")
    with pytest.raises(OSError, match="File too large"):
        maps(tmp_path / "out.nxs")
    assert (tmp_path / "out.nxs").read_text() == "finished before"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_mistake_of_another_kind_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no number"), replacing(tmp_path / "a"):
        raise ValueError("no number")
    with pytest.raises(OSError, match="denied"), NexusFrameWriter(tmp_path / "a", (2, 2), np.int32, 1):
        raise OSError("denied")
    assert not list(tmp_path.iterdir())
