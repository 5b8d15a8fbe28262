"""Frames on disk -> counts in memory: CPU time a frame of electrosaxs, of the bare decoder, of h5py and of fabio, in turns.

    python benchmarks/reading.py [--frames 4] [--rounds 5] [--cbf IMAGE.cbf]

Eiger 16M frames (4362 x 4148, uint32, 72 MB each) packed by bitshuffle + LZ4: the bare decoder on the packed bytes in memory,
one file, a master with external links, a virtual data set, and what h5py does with its filter; Pilatus 2M frames as CBF. One
thread each; files lie in the page cache. CPU time, because wall times double with what else the machine does; the median of the
rounds, with the smallest and largest.
"""

import argparse
import hashlib
import resource
import statistics
import struct
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import bitshuffle
import fabio
import h5py
import hdf5plugin
import numpy as np

from electrosaxs.io.beamline.stack_frames import StackFrames
from electrosaxs.io.cbf import decode_cbf, write_cbf
from electrosaxs.io.nexus import NexusFrames

EIGER, PILATUS = (4362, 4148), (1679, 1475)
HEADER = struct.Struct(">QI")
DATA = "entry/data/data"


def write_files(folder: Path, number: int) -> None:
    """`number` Eiger frames in two data files, behind a master and behind a virtual data set."""
    rng = np.random.default_rng(3)
    with h5py.File(folder / "master.h5", "w") as master:
        for part in (1, 2):
            name = f"data_{part:06d}.h5"
            with h5py.File(folder / name, "w") as file:
                data = file.create_dataset(
                    DATA, (number // 2, *EIGER), "u4", chunks=(1, *EIGER), **hdf5plugin.Bitshuffle(cname="lz4")
                )
                for i in range(number // 2):
                    frame = rng.poisson(0.4, EIGER).astype(np.uint32)
                    frame[512:550] = 2**32 - 1
                    data[i] = frame
            master[f"entry/data/data_{part:06d}"] = h5py.ExternalLink(name, DATA)
    layout = h5py.VirtualLayout((number, *EIGER), "u4")
    for part in (1, 2):
        source = h5py.VirtualSource(f"data_{part:06d}.h5", DATA, (number // 2, *EIGER))
        layout[(part - 1) * (number // 2) : part * (number // 2)] = source
    with h5py.File(folder / "virtual.h5", "w") as file:
        file.create_virtual_dataset("entry/virtual", layout)


def packed_chunk(path: Path) -> tuple[np.ndarray, int]:
    """The first frame as it is packed, without its header, and the elements of a block."""
    with h5py.File(path, "r") as file:
        _, raw = file[DATA].id.read_direct_chunk((0, 0, 0))
    _, block = HEADER.unpack_from(raw)
    return np.frombuffer(raw, np.uint8)[HEADER.size :], block // 4


def cpu_ms(work: Callable[[int], object], frames: int) -> float:
    """CPU time of one thread for a frame, in ms."""
    start = time.process_time()
    for i in range(frames):
        work(i)
    return 1e3 * (time.process_time() - start) / frames


def in_turns(works: dict[str, Callable[[int], object]], frames: int, rounds: int) -> dict[str, list[float]]:
    """Every work in every round, so that a busy machine is busy for all."""
    for work in works.values():
        work(0)
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(cpu_ms(work, frames))
    return found


def show(title: str, found: dict[str, list[float]], peer: str) -> None:
    """One table; ratio: how much faster than `peer`, from the medians."""
    base = statistics.median(found[peer])
    print(f"\n{title}")
    for name, times in found.items():
        middle = statistics.median(times)
        print(f"  {name:<44} {middle:8.1f} ms ({min(times):.1f} to {max(times):.1f})   {base / middle:5.2f} x {peer}")


def eiger(folder: Path, frames: int, rounds: int) -> None:
    """Bare decoding beside every way in which a beamline writes Eiger frames."""
    write_files(folder, frames)
    packed, block = packed_chunk(folder / "data_000001.h5")
    one = NexusFrames(folder / "data_000001.h5", name=DATA)
    master = StackFrames(folder / "master.h5", None, rows=frames)
    virtual = StackFrames(folder / "virtual.h5", None, rows=frames)
    plain = h5py.File(folder / "virtual.h5", "r")
    with closing(one), closing(master), closing(virtual), plain:
        works: dict[str, Callable[[int], object]] = {
            "bare": lambda _: bitshuffle.decompress_lz4(packed, EIGER, np.dtype("u4"), block),
            "electrosaxs, one file": lambda i: one.read(i % len(one)),
            "electrosaxs, master with external links": master.read,
            "electrosaxs, virtual data set": virtual.read,
            "h5py, virtual data set": lambda i: plain["entry/virtual"][i],
        }
        show("Eiger 16M, bitshuffle + LZ4", in_turns(works, frames, rounds), "bare")


def cbf(folder: Path, image: Path | None, rounds: int) -> None:
    """Our reading of a CBF, which checks the MD5 sum, beside fabio's."""
    path = image or folder / "frame.cbf"
    if image is None:
        write_cbf(path, np.random.default_rng(4).poisson(3.0, PILATUS).astype(np.int32), {"Exposure_time": "1.0 s"})
    content = path.read_bytes()
    works: dict[str, Callable[[int], object]] = {
        "fabio": lambda _: fabio.open(path).data,
        "electrosaxs": lambda _: decode_cbf(path.read_bytes(), path),
        "of which MD5 sum": lambda _: hashlib.md5(content).digest(),
    }
    show(f"CBF, {path.name} ({len(content) / 1e6:.1f} MB)", in_turns(works, 10, rounds), "fabio")


def main() -> None:
    """Both tables, and the memory that reading took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cbf", type=Path, default=None)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        eiger(Path(folder), asked.frames, asked.rounds)
        cbf(Path(folder), asked.cbf, asked.rounds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory {peak:.0f} MB, a frame is {4 * EIGER[0] * EIGER[1] / 2**20:.0f} MB")


if __name__ == "__main__":
    main()
