"""Files as beamlines leave them, made after their public descriptions: small frames of known counts, known rows."""

from __future__ import annotations

import json
from pathlib import Path

import fabio.edfimage
import h5py
import hdf5plugin
import numpy as np
import tifffile
from hdf5_parts import column, nx

from electrosaxs.io.cbf import write_cbf

SHAPE = (48, 40)
N = 12
FIELD_ON = 1543392000.5
"""2018-11-28T08:00:00.5Z."""
ROLE = np.array(["reference"] * 2 + ["solvent"] * 2 + ["sample"] * 8)
HEIGHT_UM = np.array([500.0, 500.0, 500.0, 500.0, *[20.0, 70.0, 120.0, 320.0] * 2])
TIME_S = np.array([-40.25, -37.0, -34.5, -31.75, *(12.75 + 3.25 * np.arange(8))])
VOLTAGE_V = np.array([0.0] * 4 + [19.95] * 8)
EXPOSURE_S = 0.75
MONITOR = 30000.0 + 10.0 * np.arange(N)
DARK, DIODE_DARK, EMPTY = 120.0, 80.0, 0.913
TRANSMISSION = 0.4 + 0.01 * np.arange(N)
SAMPLE = {"reference": "start_0.08pc", "solvent": "toluene cell", "sample": "run_57Vcm"}
GAP_MM = "gap_mm = 3.5\npath_length_mm = 10.0"

PONI = f"""poni_version: 2.1
Detector: Detector
Detector_config: {{"pixel1": 0.002, "pixel2": 0.002, "max_shape": [{SHAPE[0]}, {SHAPE[1]}], "orientation": 3}}
Distance: 1.5
Poni1: 0.05
Poni2: 0.04
Rot1: 0.0
Rot2: 0.0
Rot3: 0.0
Wavelength: 9.322e-11
"""


def frames(n: int = N, dtype: str = "<i4") -> np.ndarray:
    """(n, y, x) Poisson counts, another in each frame."""
    return np.random.default_rng(7).poisson(2.0 + np.arange(n)[:, None, None], (n, *SHAPE)).astype(dtype)


def raw_monitor() -> np.ndarray:
    """Counter of the incident beam with its dark counts."""
    return MONITOR + DARK * EXPOSURE_S


def raw_diode() -> np.ndarray:
    """Counter of the transmitted beam with its dark counts."""
    return TRANSMISSION * EMPTY * raw_monitor() + DIODE_DARK * EXPOSURE_S


def names() -> list[str]:
    """What the operator called each sample."""
    return [SAMPLE[role] for role in ROLE]


def write_run(folder: Path, frames_toml: str) -> Path:
    """run.toml with its geometry beside it."""
    (folder / "geometry.poni").write_text(PONI)
    text = f"""[cell]
{GAP_MM}

[solution]
volume_fraction = 8.0e-4

[beam]
energy_keV = 13.3
fwhm_um = 34.0

[detector]
geometry = "geometry.poni"

{frames_toml}"""
    (folder / "run.toml").write_text(text)
    return folder / "run.toml"


SPEC_COLUMNS = f"""height = {{ column = "sam_z", unit = "mm", sign = -1, offset_um = 520.0 }}
time = {{ column = "Epoch", field_on = {FIELD_ON} }}
monitor = {{ column = "ic1", dark_per_s = {DARK} }}
transmission = {{ over = "pind4", under = "ic1", dark_over_per_s = {DIODE_DARK}, empty = {EMPTY} }}
exposure = {{ column = "Seconds" }}
voltage = {{ column = "keithley_v" }}
"""


def write_spec(path: Path, start: int = 7, scans: tuple[slice, ...] = (slice(0, None),)) -> Path:
    """SPEC scans, numbered from `start`; Epoch counts from the line #E."""
    file_start = 1543390000
    lines = [f"#F {path.name}", f"#E {file_start}", "#D Wed Nov 28 07:26:40 2018", "#C SAXS  User = 12id",
             "#O0 sam_x  sam_z  gap", ""]  # fmt: skip
    for number, rows in enumerate((range(N)[one] for one in scans), start=start):
        lines += [f"#S {number}  ascan  sam_z 0.2 0.5 {rows.stop - rows.start - 1} 0.75", "#D Wed Nov 28 08:00:00 2018",
                  "#T 0.75  (Seconds)", "#P0 1.5 0.02 3.5", "#N 6",
                  "#L sam_z  Epoch  Seconds  ic1  keithley_v  pind4"]  # fmt: skip
        for i in range(rows.start, rows.stop):
            cells = (
                (520.0 - HEIGHT_UM[i]) / 1000.0, TIME_S[i] + FIELD_ON - file_start, EXPOSURE_S, raw_monitor()[i],
                VOLTAGE_V[i], raw_diode()[i],
            )  # fmt: skip
            lines.append(" ".join(repr(float(cell)) for cell in cells))
        lines.append("")
    path.write_text("\n".join(lines))
    return path


def aps_12id(folder: Path) -> str:
    """SPEC beside CBF images: two scans, the images numbered through, the standards before."""
    (folder / "SAXS").mkdir(parents=True)
    for i, frame in enumerate(frames()):
        header = {"Detector:": "PILATUS 2M", "2018-11-28T08:00:00.000": "", "Exposure_time": f"{EXPOSURE_S} s",
                  "Count_cutoff": "1048575 counts"}  # fmt: skip
        write_cbf(folder / "SAXS" / f"S{i + 1}.cbf", frame, header)
    write_spec(folder / "scan.spec", scans=(slice(0, 4), slice(4, N)))
    return f"""[frames]
images = "SAXS/S*.cbf"
table = "scan.spec::7-8"

[frames.columns]
{SPEC_COLUMNS}role = {{ reference = "0-1", solvent = "2-3" }}
"""


def dectris(folder: Path, *, per_file: int = 5, lost: int | None = None, **packing: object) -> str:
    """A DECTRIS master with external links to data files, the rows in SPEC. lost: number of a data file that is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    all_frames = frames(dtype="<u4")
    all_frames[:, 3, :4] = 2**32 - 1
    chosen = packing or dict(hdf5plugin.Bitshuffle(cname="lz4"))
    with h5py.File(folder / "run_master.h5", "w") as master:
        entry = nx(master, "entry", "NXentry")
        data = nx(entry, "data", "NXdata")
        detector = nx(nx(entry, "instrument", "NXinstrument"), "detector", "NXdetector")
        detector["description"] = np.bytes_("Dectris EIGER2 Si 4M")
        detector["count_time"] = EXPOSURE_S
        detector["count_time"].attrs["units"] = "s"
        detector["countrate_correction_applied"] = 1
        detector["flatfield_correction_applied"] = 1
        detector["pixel_mask_applied"] = 1
        specific = nx(detector, "detectorSpecific", "NXcollection")
        specific["countrate_correction_count_cutoff"] = np.uint32(245916)
        specific["nimages"], specific["ntrigger"] = np.uint32(1), np.uint32(N)
        specific["pixel_mask"] = (all_frames[0] == 2**32 - 1).astype(np.uint32)
        beam = nx(entry["instrument"], "beam", "NXbeam")
        beam["incident_wavelength"] = 0.9322
        beam["incident_wavelength"].attrs["units"] = "angstrom"
        for number, start in enumerate(range(0, N, per_file), start=1):
            name = f"run_data_{number:06d}.h5"
            data[f"data_{number:06d}"] = h5py.ExternalLink(name, "/entry/data/data")
            if number != lost:
                with h5py.File(folder / name, "w") as file:
                    block = all_frames[start : start + per_file]
                    stored = nx(nx(file, "entry", "NXentry"), "data", "NXdata").create_dataset(
                        "data", data=block, chunks=(1, *SHAPE), **chosen
                    )
                    stored.attrs["image_nr_low"], stored.attrs["image_nr_high"] = start + 1, start + len(block)
    write_spec(folder / "scan.spec")
    return f"""[frames]
nexus = "run_master.h5"
table = "scan.spec::7.1"

[frames.columns]
{SPEC_COLUMNS}role = {{ reference = "0-1", solvent = "2-3" }}
"""


def i22(folder: Path) -> str:
    """Diamond I22: entry1, the detector's file behind a link, 4-D (scan point, repeat, y, x), counters (scan point, repeat)."""
    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(folder / "i22-Pilatus2M.h5", "w") as file:
        detector = nx(nx(nx(file, "entry", "NXentry"), "instrument", "NXinstrument"), "detector", "NXdetector")
        detector.create_dataset(
            "data",
            data=frames().reshape(N // 2, 2, *SHAPE),
            chunks=(1, 1, *SHAPE),
            **hdf5plugin.Bitshuffle(cname="lz4"),
        )
    with h5py.File(folder / "i22-300.nxs", "w") as file:
        entry = nx(file, "entry1", "NXentry")
        instrument = nx(entry, "instrument", "NXinstrument")
        for group in (nx(entry, "Pilatus2M", "NXdata"), nx(instrument, "Pilatus2M", "NXdetector")):
            group["data"] = h5py.ExternalLink("i22-Pilatus2M.h5", "/entry/instrument/detector/data")
        instrument["Pilatus2M/count_time"] = np.full((N // 2, 2), EXPOSURE_S)
        instrument["Pilatus2M/count_time"].attrs["units"] = "s"
        column(nx(entry, "I0", "NXdata"), "data", raw_monitor().reshape(N // 2, 2, 1, 1), "counts")
        column(nx(entry, "It", "NXdata"), "data", raw_diode().reshape(N // 2, 2, 1, 1), "counts")
        column(nx(instrument, "base_z", "NXpositioner"), "value", HEIGHT_UM.reshape(N // 2, 2) / 1000.0, "mm")
        column(
            nx(instrument, "epoch", "NXcollection"),
            "value",
            (TIME_S + FIELD_ON).reshape(N // 2, 2) - 0.5 * EXPOSURE_S,
            "s",
        )
        column(nx(instrument, "keithley", "NXcollection"), "voltage", VOLTAGE_V.reshape(N // 2, 2), "V")
        nx(entry, "sample", "NXsample")["name"] = [SAMPLE[role] for role in ROLE[::2]]
    return f"""[frames]
nexus = "i22-300.nxs"
data = "/entry1/Pilatus2M/data"

[frames.columns]
height = {{ column = "base_z" }}
time = {{ column = "/entry1/instrument/epoch", field_on = "2018-11-28T08:00:00.5Z", at = "start" }}
monitor = {{ column = "/entry1/I0/data", dark_per_s = {DARK} }}
transmission = {{ over = "/entry1/It", under = "/entry1/I0", dark_over_per_s = {DIODE_DARK}, empty = {EMPTY} }}
voltage = {{ column = "/entry1/instrument/keithley/voltage" }}
role = {{ column = "/entry1/sample/name", reference = "START*", solvent = "tol*", sample = "run*" }}
"""


def bliss(folder: Path) -> str:
    """ESRF BLISS: three scans in one file, the detector's images in virtual data sets of other files."""
    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(folder / "sample_0001.h5", "w") as file:
        for number, rows in enumerate((slice(0, 2), slice(2, 4), slice(4, N)), start=1):
            count = rows.stop - rows.start
            (folder / f"scan{number:04d}").mkdir()
            with h5py.File(folder / f"scan{number:04d}" / "eiger_0000.h5", "w") as lima:
                measured = nx(nx(lima, "entry_0000", "NXentry"), "measurement", "NXcollection")
                measured.create_dataset(
                    "data", data=frames(dtype="<u4")[rows], chunks=(1, *SHAPE), **hdf5plugin.Bitshuffle(cname="lz4")
                )
            layout = h5py.VirtualLayout((count, *SHAPE), "<u4")
            layout[...] = h5py.VirtualSource(
                f"scan{number:04d}/eiger_0000.h5", "/entry_0000/measurement/data", (count, *SHAPE)
            )
            scan = nx(file, f"{number}.1", "NXentry")
            scan["title"] = "ascan samz 0 1 10 0.75"
            nx(scan, "sample", "NXsample")["name"] = SAMPLE[ROLE[rows.start]]
            instrument = nx(scan, "instrument", "NXinstrument")
            nx(instrument, "eiger", "NXdetector").create_virtual_dataset("data", layout)
            positioners = nx(instrument, "positioners", "NXcollection")
            measurement = nx(scan, "measurement", "NXcollection")
            measurement["eiger"] = h5py.SoftLink(f"/{number}.1/instrument/eiger/data")
            column(measurement, "epoch", TIME_S[rows] + FIELD_ON + 0.5 * EXPOSURE_S, "s")
            column(measurement, "mon", raw_monitor()[rows], "")
            column(measurement, "pdiode", raw_diode()[rows], "")
            column(measurement, "integration_time", np.full(count, 1e3 * EXPOSURE_S), "ms")
            column(measurement, "kvolt", VOLTAGE_V[rows], "V")
            if count > 2:
                column(measurement, "samz", HEIGHT_UM[rows] / 1e3, "mm")
            column(positioners, "samz", HEIGHT_UM[rows] / 1e3 if count > 2 else HEIGHT_UM[rows][0] / 1e3, "mm")
    return f"""[frames]
nexus = "sample_0001.h5"
data = "/*.1/measurement/eiger"
table = "sample_0001.h5::/*.1/measurement"

[frames.columns]
height = {{ column = "samz" }}
time = {{ column = "epoch", field_on = {FIELD_ON}, at = "end" }}
monitor = {{ column = "mon", dark_per_s = {DARK} }}
transmission = {{ over = "pdiode", under = "mon", dark_over_per_s = {DIODE_DARK}, empty = {EMPTY} }}
exposure = {{ column = "integration_time" }}
voltage = {{ column = "kvolt" }}
role = {{ column = "../sample/name", reference = "start*", solvent = "toluene*", sample = "run*" }}
"""


def area_detector(folder: Path) -> str:
    """EPICS areaDetector with NDFileHDF5's NXdata: counts as floats, time past 1990, the rest as NDAttributes."""
    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(folder / "sim_000.h5", "w") as file:
        entry = nx(file, "entry", "NXentry")
        data = nx(entry, "data", "NXdata", signal="data")
        data.create_dataset("data", data=frames(dtype="<f4"), chunks=(1, *SHAPE), compression="gzip")
        instrument = nx(entry, "instrument", "NXinstrument")
        detector = nx(instrument, "detector", "NXdetector")
        detector["data"] = data["data"]
        attributes = nx(instrument, "NDAttributes", "NXcollection")
        column(attributes, "NDArrayTimeStamp", TIME_S + FIELD_ON - 631152000.0)
        column(attributes, "SampleZ", HEIGHT_UM)
        column(attributes, "IonChamber", raw_monitor())
        column(attributes, "Photodiode", raw_diode())
        column(attributes, "AcquireTime", np.full(N, EXPOSURE_S))
        column(attributes, "Voltage", VOLTAGE_V)
        attributes["SampleName"] = names()
    return f"""[frames]
nexus = "sim_000.h5"
table = "sim_000.h5::/entry/instrument/NDAttributes"

[frames.columns]
height = {{ column = "SampleZ", unit = "um" }}
time = {{ column = "NDArrayTimeStamp", field_on = "2018-11-28T08:00:00.5Z" }}
monitor = {{ column = "IonChamber", dark_per_s = {DARK} }}
transmission = {{ over = "Photodiode", under = "IonChamber", dark_over_per_s = {DIODE_DARK}, empty = {EMPTY} }}
exposure = {{ column = "AcquireTime" }}
voltage = {{ column = "Voltage" }}
role = {{ column = "SampleName", reference = "start*", solvent = "tol*" }}
"""


def als_733(folder: Path) -> str:
    """ALS 7.3.3: EDF images with a text file beside each: Izero, diode, motors."""
    (folder / "raw").mkdir(parents=True)
    for i, frame in enumerate(frames()):
        stem = f"{i:03d}_{names()[i].replace(' ', '_')}_2m"
        whole = TIME_S[i] - 0.25
        header = {
            "Date": f"Wed Nov 28 {_clock(whole)} 2018",
            "count_time": f"{EXPOSURE_S:.9f}",
            "title": "# Pixel_size 172e-6 m",
        }
        fabio.edfimage.EdfImage(data=frame, header=header).write(str(folder / "raw" / f"{stem}.edf"))
        (folder / "raw" / f"{stem}.txt").write_text(
            f"{raw_monitor()[i]:.3f}\n{raw_diode()[i]:.3f}\n0.000\nIzero: {float(raw_monitor()[i])!r}\n"
            "I1 normalization: 0.000\n"
            f"Diode normalization: {float(raw_diode()[i])!r}\nNormalize by: Diode\nExposure time s: {EXPOSURE_S:.3f}\n"
            f"ALS Proposal #: 00622\nMotors: 64\nSample X Stage: -88.245200\nSample Y Stage: {HEIGHT_UM[i] / 1e3:.6f}\n"
            f"M1 Pitch: 0.202033\nAIs: 38\nIzero: {raw_monitor()[i]:.3f}\nBK Volts: {VOLTAGE_V[i]:.6f}\nPyro: NaN\n!0\n"
        )
    return f"""[frames]
images = "raw/*.edf"

[frames.columns]
height = {{ column = "Sample Y Stage", unit = "mm" }}
time = {{ column = "Date", field_on = "2018-11-28T08:00:00" }}
monitor = {{ column = "Izero", dark_per_s = {DARK} }}
transmission = {{ over = "Diode normalization", under = "Izero", dark_over_per_s = {DIODE_DARK}, empty = {EMPTY} }}
voltage = {{ column = "BK Volts" }}
role = {{ reference = "*start*", solvent = "*toluene*" }}
"""


def _clock(seconds: float) -> str:
    """08:00:00 and `seconds` to the whole second, as ctime."""
    total = 8 * 3600 + round(seconds)
    return f"{total // 3600:02d}:{total % 3600 // 60:02d}:{total % 60:02d}"


def documents(folder: Path) -> str:
    """Bluesky documents beside a TIFF of all frames."""
    folder.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(folder / "frames_0.tif", frames()[:7], photometric="minisblack", metadata=None)
    tifffile.imwrite(folder / "frames_1.tif", frames()[7:], photometric="minisblack", metadata=None)
    keys = {"samz": "mm", "i0": "", "it": "", "exposure": "ms", "voltage": "V", "sample": ""}
    lines = [["start", {"uid": "other", "time": 1.0}], ["start", {"uid": "4c7e-run", "time": 2.0, "scan_id": 42}],
             ["descriptor", {"uid": "d", "run_start": "4c7e-run", "name": "primary",
                             "data_keys": {k: {"units": u, "dtype": "number", "source": "x", "shape": []}
                                           for k, u in keys.items()}}]]  # fmt: skip
    for i in range(N):
        data = {"samz": HEIGHT_UM[i] / 1e3, "i0": raw_monitor()[i], "it": raw_diode()[i], "exposure": 1e3 * EXPOSURE_S,
                "voltage": VOLTAGE_V[i], "sample": names()[i]}  # fmt: skip
        lines.append(["event", {"descriptor": "d", "seq_num": i + 1, "time": TIME_S[i] + FIELD_ON, "data": data}])
    (folder / "documents.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + '\n["event", {"uid')
    return f"""[frames]
images = "frames_*.tif"
table = "documents.jsonl::4c7e"

[frames.columns]
height = {{ column = "samz" }}
time = {{ column = "time", field_on = 1543392000.5 }}
monitor = {{ column = "i0", dark_per_s = {DARK} }}
transmission = {{ over = "it", under = "i0", dark_over_per_s = {DIODE_DARK}, empty = {EMPTY} }}
exposure = {{ column = "exposure" }}
voltage = {{ column = "voltage" }}
role = {{ column = "sample", reference = "start*", solvent = "tol*", sample = "run*" }}
"""


def text_and_hdf5(folder: Path) -> str:
    """A table in TSV with names of its own, one HDF5 file per frame named in it by another computer's path."""
    (folder / "raw").mkdir(parents=True)
    rows = ["file\tstage [mm]\ttime_ms\tI0\tTrans (%)\tcount time (ms)\tsample"]
    for i, frame in enumerate(frames()):
        with h5py.File(folder / "raw" / f"im_{i:05d}.h5", "w") as file:
            file["exp/det/image"] = frame if i % 2 else frame[None]
        rows.append(f"/gpfs/beamline/raw/im_{i:05d}.h5\t{HEIGHT_UM[i] / 1e3}\t{1e3 * (TIME_S[i] + FIELD_ON)}\t{MONITOR[i]}"
                    f"\t{100 * TRANSMISSION[i]}\t{1e3 * EXPOSURE_S}\t{names()[i]}")  # fmt: skip
    (folder / "log.tsv").write_text("\n".join(rows) + "\n")
    return f"""[frames]
images = "raw"
table = "log.tsv"

[frames.columns]
height = {{ column = "stage" }}
time = {{ column = "time", field_on = {FIELD_ON} }}
monitor = {{ column = "I0" }}
transmission = {{ column = "Trans" }}
exposure = {{ column = "count time" }}
role = {{ column = "sample", reference = "start*", solvent = "tol*" }}
"""


LAYOUTS = {
    "APS 12-ID": aps_12id, "DECTRIS": dectris, "I22": i22, "BLISS": bliss, "areaDetector": area_detector,
    "ALS 7.3.3": als_733, "Bluesky": documents,
}  # fmt: skip
