"""What is in a file of any kind that this package reads: who wrote it, stacks, columns with units and ranges, headers."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image, UnidentifiedImageError

from ..errors import ElectrosaxsError
from ..nouns import Number
from ..nouns.contents import FileContents, Part
from .beamline.detector_facts import DetectorFacts, detector_facts
from .beamline.documents_table import document_runs
from .beamline.hdf5_table import is_column
from .beamline.spec_file import is_spec, spec_scans
from .beamline.stacks import NUMBERED, all_stacks, is_stack
from .beamline.tables import DOCUMENTS, table_at
from .beamline.their_table import TheirTable
from .curves import read_curve
from .hdf5 import open_hdf5, text
from .numbers_json import numbers_from_plain, read_numbers
from .poni import read_poni
from .refusal import refusal
from .small_file import text_of
from .table_csv import read_csv_table
from .written_by import RESULTS, written_by

NUMBERS = "numbers.json"
STACK, TABLE, SCAN = "image stack", "beamline table", "scan"
LONGEST_COLUMN = 1_000_000
LONGEST_TEXT = 100
LARGE = 1e6
"""From here on a number may be a date, of which the last digits count."""
KIND_OF_TOML = {
    "source_meter": "plan of a run",
    "beamline": "plan of a run",
    "hold": "plan of a run",
    "frames": "run",
    "scan": "experiment",
    "film": "film",
    "micrograph": "micrographs",
    "runs": "campaign",
    "films": "campaign",
    "micrographs": "campaign",
    "voltage": "voltage program",
}
"""The first of these keys says what a TOML file describes."""


def contents(path: Path) -> FileContents:
    """What the file, or the results folder, at `path` holds. Raises InputFileError where nothing here can read it."""
    if path.is_dir():
        return _of_folder(path)
    if not path.is_file():
        raise refusal(path, "file", path.name, "there is no such file", "correct the path")
    if h5py.is_hdf5(path):
        return _of_hdf5(path)
    if is_spec(path):
        return _of_spec(path)
    return READERS.get(path.suffix.lower(), _of_image)(path)


def _of_spec(path: Path) -> FileContents:
    """Every scan, and the columns of the last one."""
    scans = spec_scans(path)
    parts = [Part(SCAN, key, f"{title}, {rows} rows") for key, title, rows in scans]
    columns = _columns_of(table_at(path, scans[-1][0])) if scans else []
    return FileContents(path, "SPEC", (*parts, *columns))


def _columns_of(table: TheirTable) -> list[Part]:
    found = [(name, column) for name in table.names() if (column := table.column(name)) is not None]
    return [
        Part("column", name, f"{_range(column.values.ravel())} {column.unit or ''}".rstrip()) for name, column in found
    ]


def _of_folder(path: Path) -> FileContents:
    """Results are looked into; of anything else the files are counted by their ending."""
    if (path / RESULTS).is_file():
        found = contents(path / RESULTS)
        return FileContents(path, found.kind, found.parts, found.numbers)
    endings = Counter(file.suffix.lower() or "no ending" for file in path.iterdir() if file.is_file())
    command = written_by(path)
    kind = "folder" if command is None else f"folder of electrosaxs {command}"
    return FileContents(path, kind, tuple(Part("files", end, str(n)) for end, n in sorted(endings.items())))


def _of_hdf5(path: Path) -> FileContents:
    with open_hdf5(path) as file:
        entry = file.get("entry")
        command = written_by(path)
        if command is not None and isinstance(entry, h5py.Group):
            title = [Part("title", "title", text(entry["title"][()]))] if "title" in entry else []
            kind = f"results of electrosaxs {command} {text(entry.attrs.get('version', ''))}".rstrip()
            return FileContents(path, kind, (*title, *_maps(entry)), _numbers(path, entry))
        others = _data_sets(file)
    found = all_stacks(path) or all_stacks(path, flat=True)
    stacks = [Part(STACK, stack.name, stack.text()) for stack in found]
    listed = {name for stack in found for name in stack.names}
    others = [part for part in others if part.name not in listed]
    return FileContents(path, "HDF5", (*stacks, *_of_detector(path, stacks), *others))


def _numbers(path: Path, entry: h5py.Group) -> dict[str, Number]:
    """Of the file itself; of a command that keeps them beside it alone, of numbers.json."""
    if (stored := entry.get("summary/numbers")) is not None:
        return numbers_from_plain(json.loads(text(stored[()])))
    beside = path.parent / NUMBERS
    return read_numbers(beside) if beside.is_file() else {}


def _of_detector(path: Path, stacks: list[Part]) -> Iterator[Part]:
    """What the file says of the detector of its only stack."""
    facts = detector_facts(path, stacks[0].name) if len(stacks) == 1 else DetectorFacts(path)
    told = {
        "detector": facts.name, "saturation": f"{facts.saturation:g} counts" if facts.saturation else "",
        "corrections": ", ".join(facts.corrections), "exposure": f"{facts.exposure:g} s" if facts.exposure else "",
        "energy": f"{facts.energy_keV:.6g} keV" if facts.energy_keV else "",
        "wavelength": f"{facts.wavelength_nm:.6g} nm" if facts.wavelength_nm else "",
        "pixel mask": f"{facts.mask}, not applied to the frames" if facts.mask else "",
    }  # fmt: skip
    return (Part("detector", name, words) for name, words in told.items() if words)


def _maps(entry: h5py.Group) -> Iterator[Part]:
    """The NXdata groups of results: dimensions and unit of the signal."""
    for name, group in entry.items():
        signal = group.attrs.get("signal") if isinstance(group, h5py.Group) else None
        if signal is not None and (stored := group.get(text(signal))) is not None:
            dims = [d for d in text(stored.attrs.get("dims", "")).split(",") if d]
            axes = dims if len(dims) == stored.ndim else [str(n) for n in range(stored.ndim)]
            sizes = ", ".join(f"{dim} {size}" for dim, size in zip(axes, stored.shape, strict=True))
            yield Part("map", name, f"({sizes}), {_unit(stored)}")


def _data_sets(file: h5py.File) -> list[Part]:
    """Every data set but image stacks: columns with unit and range; links that lead nowhere are named, of numbered ones the
    stack says it."""
    found: list[Part] = []

    def visit(group: h5py.Group, at: str) -> None:
        for name in group:
            where = f"{at}/{name}"
            try:
                item = group[name]
            except (KeyError, OSError):
                if NUMBERED.match(name):
                    continue
                found.append(Part("broken link", where, "what it leads to is missing"))
                continue
            if isinstance(item, h5py.Group):
                visit(item, where)
            elif isinstance(item, h5py.Dataset) and not is_stack(item):
                found.append(_data_set(item, where))

    visit(file, "")
    return found


def _data_set(stored: h5py.Dataset, where: str) -> Part:
    shape = " x ".join(str(n) for n in stored.shape)
    if stored.ndim >= 2 and not is_column(stored):
        return Part("array", where, f"{shape} {stored.dtype}")
    if stored.size > LONGEST_COLUMN:
        return Part("column", where, f"{shape} {stored.dtype}, {_unit(stored)}")
    is_text = h5py.check_string_dtype(stored.dtype) is not None
    values = np.atleast_1d(stored.asstr()[()] if is_text else stored[()])
    unit = _no_one(_unit(stored)) if "units" in stored.attrs or stored.dtype.kind == "f" else ""
    return Part("column" if stored.ndim else "value", where, f"{_range(values)} {unit}".rstrip())


def _range(values: np.ndarray) -> str:
    """Number of values and their range; of texts how often each stands."""
    if values.dtype.kind not in "iufb":
        counted = Counter(str(value) for value in values)
        return _short(", ".join(f"{n} x {value}" if n > 1 else value for value, n in counted.most_common(8)))
    known = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if known.size == 0:
        return f"{values.size} values, none finite"
    low, high = known.min(), known.max()
    return _shown(low) if values.size == 1 else f"{values.size} values, {_shown(low)} to {_shown(high)}"


def _shown(value: float) -> str:
    return f"{value:.11g}" if abs(value) >= LARGE else f"{value:g}"


def _unit(stored: h5py.Dataset) -> str:
    return text(stored.attrs["units"]) if "units" in stored.attrs else "no unit stated"


def _no_one(unit: str) -> str:
    return "" if unit in ("1", "one") else unit


def _of_toml(path: Path) -> FileContents:
    try:
        tables = tomllib.loads(text_of(path))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise refusal(path, "file", path.name, f"is not TOML ({error})", "correct the file") from error
    kind = next((name for key, name in KIND_OF_TOML.items() if key in tables), "settings")
    return FileContents(path, f"{kind} (TOML)", tuple(_entries("table", tables)))


def _of_json(path: Path) -> FileContents:
    try:
        stored = json.loads(text_of(path, "utf-8"))
    except ValueError as error:
        raise refusal(path, "file", path.name, f"is not JSON ({error})", "correct the file") from error
    if isinstance(stored, dict) and stored and all(isinstance(n, dict) and "source" in n for n in stored.values()):
        return FileContents(path, "numbers (JSON)", (), numbers_from_plain(stored))
    return FileContents(path, "JSON", tuple(_entries("entry", stored if isinstance(stored, dict) else {"": stored})))


def _of_poni(path: Path) -> FileContents:
    found = read_poni(path)
    entries = {name: value for name, value in vars(found).items() if name not in ("source", "detector", "comments")}
    return FileContents(path, "detector geometry (pyFAI)", tuple(_entries("entry", {**found.detector, **entries})))


def _of_text(path: Path) -> FileContents:
    """A frame table, or a curve I(q)."""
    try:
        table = read_csv_table(path)
    except ElectrosaxsError:
        if (foreign := _their_columns(path)) is not None:
            return foreign
        (curve,) = read_curve(path)
        columns = {"q": (curve.q, "1/nm"), "I": (curve.intensity, "")}
        if curve.sigma is not None:
            columns["sigma"] = (curve.sigma, "")
        parts = (Part("column", name, f"{_range(values)} {unit}".rstrip()) for name, (values, unit) in columns.items())
        return FileContents(path, "curve I(q)", tuple(parts))
    named = {"role": np.array(table.role), **table.numbers}
    return FileContents(path, "frame table", tuple(Part("column", n, _range(v)) for n, v in named.items()))


FEWEST = 5
"""Columns of a table; a curve has fewer."""


def _their_columns(path: Path) -> FileContents | None:
    """A table with names of its own, None where it looks like a curve."""
    try:
        found = table_at(path, "")
    except ElectrosaxsError:
        return None
    columns = _columns_of(found)
    texts = any(column is not None and column.is_text for column in map(found.column, found.names()))
    return FileContents(path, TABLE, tuple(columns)) if len(columns) >= FEWEST or (texts and len(columns) > 1) else None


def _of_documents(path: Path) -> FileContents:
    """The columns of the only run of Bluesky documents; other JSON by its entries."""
    if path.suffix.lower() == ".json":
        return _of_json(path)
    runs = document_runs(path)
    parts = [Part(SCAN, uid, f"{f'scan_id {scan}, ' if scan else ''}{events} events") for uid, scan, events in runs]
    filled = [uid for uid, _, events in runs if events]
    columns = _columns_of(table_at(path, filled[-1])) if filled else []
    return FileContents(path, "documents", (*parts, *columns))


def _of_image(path: Path) -> FileContents:
    try:
        import fabio

        with fabio.open(path) as image:
            pixels, frames, header = np.asarray(image.data), image.nframes, dict(image.header)
            if pixels.dtype == object:
                raise ValueError("without pixels")
            cut = ", truncated" if getattr(image, "incomplete_file", False) else ""
    except Exception as error:  # fabio raises whatever its readers run into
        rule = f"is of no kind known here ({type(error).__name__}: {error})"
        raise refusal(
            path, "file", path.name, rule, "give HDF5, TOML, JSON, .poni, text columns or a detector image"
        ) from error
    size = " x ".join(str(n) for n in pixels.shape)
    more = (f", {frames} frames" if frames > 1 else "") + cut
    shown = f"{size} {pixels.dtype}, {pixels.min():g} to {pixels.max():g}{more}"
    return FileContents(path, "image", (Part("image", "pixels", shown), *_entries("header", header)))


def _of_picture(path: Path) -> FileContents:
    try:
        with Image.open(path) as picture:
            shown = f"{picture.height} x {picture.width} {picture.mode}"
    except (UnidentifiedImageError, OSError) as error:
        raise refusal(path, "file", path.name, f"is no picture ({error})", "copy the file again") from error
    return FileContents(path, "picture", (Part("image", "pixels", shown),))


def _entries(kind: str, entries: Mapping[str, Any]) -> Iterable[Part]:
    for name, value in entries.items():
        if isinstance(value, Mapping):
            value = ", ".join(f"{key} = {item}" for key, item in value.items())
        yield Part(kind, str(name), _short(" ".join(str(value).split())))


def _short(line: str) -> str:
    return line if len(line) <= LONGEST_TEXT else line[: LONGEST_TEXT - 3] + "..."


READERS: dict[str, Callable[[Path], FileContents]] = {
    ".toml": _of_toml, **dict.fromkeys(DOCUMENTS, _of_documents), ".poni": _of_poni, ".csv": _of_text, ".tsv": _of_text,
    ".dat": _of_text, ".txt": _of_text,
    ".png": _of_picture, ".jpg": _of_picture, ".jpeg": _of_picture,
}  # fmt: skip
