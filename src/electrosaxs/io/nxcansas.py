"""NXcanSAS 1.1: I(q) in HDF5 as SasView and others read it, one SASentry per curve.

https://manual.nexusformat.org/classes/applications/NXcanSAS.html; the layout is that of pyFAI's `save_NXcansas`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import h5py
import numpy as np
import numpy.typing as npt

from .. import __version__
from ..errors import ShapeError
from ..nouns import FloatArray
from .atomic import replacing
from .curve import Curve, checked_curve, described_unit, in_order, present_sigma, unit_factor
from .hdf5 import in_memory, open_hdf5, text
from .nxdata import nx_group
from .refusal import refusal

Metadata = Mapping[str, str | float]
TEXT = h5py.string_dtype()
NAMED = ("title", "run", "sample", "instrument", "wavelength_nm")


def write_nxcansas(
    path: str | Path,
    q: npt.ArrayLike,
    intensity: npt.ArrayLike,
    sigma: npt.ArrayLike | None,
    metadata: Metadata | Sequence[Metadata],
) -> None:
    """Write one curve, or several with one q.

    q: (n,) in 1/nm; intensity and sigma: (n,) or (curve, n), relative scale ("arbitrary"); metadata: one mapping per
    curve. Of its keys title, run, sample, instrument and wavelength_nm have a place in NXcanSAS, the others (numbers or
    text, the unit in the name) go to the curve's SASprocess. Raises ShapeError where the shapes do not fit.
    """
    with NxcansasFiles() as files:
        files.write(path, q, intensity, sigma, metadata)


class NxcansasFiles:
    """Files of curves, one after the other: what a file has in common with the one before (as many curves, the same q, the
    same keys) is not laid out again, only its values are changed, which takes a fifth of the time."""

    def __init__(self) -> None:
        self._laid_out: _LaidOut | None = None

    def write(
        self,
        path: str | Path,
        q: npt.ArrayLike,
        intensity: npt.ArrayLike,
        sigma: npt.ArrayLike | None,
        metadata: Metadata | Sequence[Metadata],
    ) -> None:
        """Write a file, as `write_nxcansas` does."""
        axis = np.asarray(q, dtype=np.float64)
        curves = np.atleast_2d(np.asarray(intensity, dtype=np.float64))
        errors = None if sigma is None else np.atleast_2d(np.asarray(sigma, dtype=np.float64))
        described = [metadata] if isinstance(metadata, Mapping) else list(metadata)
        if curves.shape != (len(described), len(axis)) or (errors is not None and errors.shape != curves.shape):
            raise ShapeError(
                f"curves of shape {curves.shape}: they need ({len(described)}, {len(axis)}), sigma the same"
            )
        alike = (axis.tobytes(), errors is None, tuple(tuple(about) for about in described))
        if self._laid_out is None or self._laid_out.alike != alike:
            self.close()
            self._laid_out = _LaidOut(alike, axis, described, with_sigma=errors is not None)
        image = self._laid_out.filled(curves, errors, described)
        with replacing(Path(path)) as part:
            part.write_bytes(image)

    def close(self) -> None:
        """Let go of the layout."""
        if self._laid_out is not None:
            self._laid_out.file.close()
            self._laid_out = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _LaidOut:
    """A file in memory with an entry per curve, whose data sets stay open: HDF5 finds one by its path in twice the time that
    writing takes."""

    def __init__(self, alike: Hashable, q: FloatArray, described: Sequence[Metadata], *, with_sigma: bool) -> None:
        self.alike = alike
        self.file = in_memory(f"curves {id(self)}")  # HDF5 opens no two of one name
        self.file.attrs.update({"NX_class": "NXroot", "default": _name(0)})
        nothing = np.zeros(len(q))
        first: dict[tuple[str, ...], int] = {}
        self._entries: list[_Entry] = []
        for i, about in enumerate(described):
            same = first.setdefault(tuple(about), i)
            if same == i:
                _write_entry(self.file, _name(i), q, nothing, nothing if with_sigma else None, about)
            else:
                h5py.h5o.copy(self.file.id, _name(same).encode(), self.file.id, _name(i).encode())
            self._entries.append(_Entry(self.file.id, i, same, about=described[same]))

    def filled(self, curves: FloatArray, errors: FloatArray | None, described: Sequence[Metadata]) -> bytes:
        """The bytes of the file with these values."""
        for i, (entry, about) in enumerate(zip(self._entries, described, strict=True)):
            entry.change("sasdata/I", curves[i])
            if errors is not None:
                entry.change("sasdata/Idev", errors[i])
            entry.describe(about)
        self.file.flush()
        image: bytes = self.file.id.get_file_image()
        return image


class _Entry:
    """One curve's entry of a file: its data sets, opened once, and the texts that stand in them."""

    def __init__(self, file: h5py.h5f.FileID, index: int, same: int, *, about: Metadata) -> None:
        self._name = _name(index)
        self._id = h5py.h5g.open(file, self._name.encode())
        self._open: dict[str, h5py.h5d.DatasetID] = {}
        self._texts, self._wavelength = _texts(_name(same), about), about.get("wavelength_nm")

    def change(self, place: str, values: npt.NDArray) -> None:
        """Put values into the data set at `place`; HDF5 itself is asked, at a tenth of the time of h5py."""
        if place not in self._open:
            self._open[place] = h5py.h5d.open(self._id, place.encode())
        self._open[place].write(h5py.h5s.ALL, h5py.h5s.ALL, np.asarray(values, order="C"))

    def describe(self, about: Metadata) -> None:
        """Change what `about` says otherwise than what stands there."""
        texts, wavelength = _texts(self._name, about), about.get("wavelength_nm")
        for place, value in texts.items():
            if value != self._texts[place]:
                self.change(place, np.array(value, dtype=TEXT))
        if wavelength is not None and wavelength != self._wavelength:
            self.change("sasinstrument/sassource/incident_wavelength", np.asarray(10.0 * float(wavelength)))
        self._texts, self._wavelength = texts, wavelength


def read_nxcansas(path: str | Path, q_unit: str | None = None) -> list[Curve]:
    """Every I(q) of an NXcanSAS file, q in 1/nm (`q_unit` overrides what the file states).

    Raises InputFileError for a file without one-dimensional SASdata, for a q without a unit, and for curves that are
    not finite or whose q does not increase.
    """
    path = Path(path)
    with open_hdf5(path) as file:
        found: list[h5py.Group] = []
        file.visititems(lambda _, item: found.append(item) if _class_of(item) == "SASdata" else None)
        curves = [curve for group in found for curve in _curves(path, group, q_unit)]
    if not curves:
        rule = "holds no one-dimensional SASdata group with Q and I"
        raise refusal(path, "file", path.name, rule, "give an NXcanSAS file of reduced data, or text columns")
    return curves


def _write_entry(
    file: h5py.File, name: str, q: FloatArray, intensity: FloatArray, sigma: FloatArray | None, about: Metadata
) -> None:
    entry = nx_group(file, name, "NXentry", canSAS_class="SASentry", version="1.1", default="sasdata")
    entry["definition"] = "NXcanSAS"
    entry["definition"].attrs["version"] = "1.1"
    data = nx_group(entry, "sasdata", "NXdata", canSAS_class="SASdata", signal="I", I_axes="Q")
    data.attrs.update({"axes": ["Q"], "Q_indices": np.array([0], dtype=np.int32)})
    _dataset(data, "Q", q, "1/nm")
    _dataset(data, "I", intensity, "arbitrary")
    if sigma is not None:
        _dataset(data, "Idev", sigma, "arbitrary")
        data["I"].attrs["uncertainties"] = "Idev"
    nx_group(entry, "sassample", "NXsample", canSAS_class="SASsample")
    instrument = nx_group(entry, "sasinstrument", "NXinstrument", canSAS_class="SASinstrument")
    source = nx_group(instrument, "sassource", "NXsource", canSAS_class="SASsource")
    source["probe"] = "x-ray"
    if "wavelength_nm" in about:
        _dataset(source, "incident_wavelength", 10.0 * float(about["wavelength_nm"]), "angstrom")
    process = nx_group(entry, "sasprocess", "NXprocess", canSAS_class="SASprocess")
    process["name"] = f"electrosaxs {__version__}"
    for place, value in _texts(name, about).items():
        entry[place] = value


def _name(index: int) -> str:
    return f"sasentry{index + 1:02d}"


def _texts(name: str, about: Metadata) -> dict[str, str]:
    """The texts of a curve's entry by their places in it."""
    terms = {
        f"sasprocess/term{i}": f"{key} = {about[key]}"
        for i, key in enumerate((key for key in about if key not in NAMED), start=1)
    }
    return {
        "title": str(about.get("title", name)),
        "run": str(about.get("run", about.get("title", name))),
        "sassample/name": str(about.get("sample", "sample")),
        "sasinstrument/name": str(about.get("instrument", "SAXS")),
        **terms,
    }


def _dataset(group: h5py.Group, name: str, values: npt.ArrayLike, unit: str) -> None:
    group.create_dataset(name, data=values).attrs["units"] = unit


def _class_of(item: h5py.Group | h5py.Dataset) -> str:
    """The canSAS class of a group; files from before version 1.0 name it as NX_class."""
    return _attribute(item, "canSAS_class", "NX_class") or "" if isinstance(item, h5py.Group) else ""


def _attribute(item: h5py.Group | h5py.Dataset, *names: str) -> str | None:
    """The first of the attributes that is there."""
    return next((text(item.attrs[name]) for name in names if name in item.attrs), None)


def _curves(path: Path, group: h5py.Group, q_unit: str | None) -> list[Curve]:
    """The curves of one SASdata group: one, or one per row of a two-dimensional I over a one-dimensional Q."""
    q, intensity = _numeric(group, "Q"), _numeric(group, text(group.attrs.get("signal", "I")))
    if q is None or intensity is None or q.ndim != 1 or intensity.shape[-1:] != q.shape:
        return []
    unit = q_unit or _attribute(q, "units", "unit")
    if unit is None:
        rule = "the file does not say whether q is in 1/nm or 1/A"
        raise refusal(path, f"{q.name}@units", "missing", rule, 'give --q-unit 1/nm or 1/A (in Python q_unit="1/nm")')
    factor = unit_factor(path, unit)
    uncertainty = _numeric(group, _attribute(intensity, "uncertainties", "uncertainty") or "Idev")
    values = np.asarray(intensity[()], dtype=np.float64).reshape(-1, len(q))
    if uncertainty is not None and uncertainty.shape != intensity.shape:
        rule = f"must have the shape of the intensity, {intensity.shape}"
        raise refusal(path, uncertainty.name, uncertainty.shape, rule, "write one sigma per point, or none")
    errors = None if uncertainty is None else np.asarray(uncertainty[()], dtype=np.float64).reshape(values.shape)
    read_as = f"q in {described_unit(factor)} {'as told' if q_unit else 'as the file says'}; {q.name}, {intensity.name}"
    read_as += "" if uncertainty is None else f", {uncertainty.name}"
    title = group.parent.get("title")
    name = path.stem if title is None else text(title[()])
    places = [f"{group.name}[{i}]" for i in range(len(q))]
    return [
        checked_curve(
            path,
            *in_order(
                Curve(
                    q=factor * np.asarray(q[()], dtype=np.float64),
                    intensity=row,
                    sigma=None if errors is None else present_sigma(errors[i]),
                    name=name if len(values) == 1 else f"{name} {i + 1}",
                    notes=_terms(group.parent),
                    read_as=read_as,
                ),
                places,
                overlap=1,
            ),
        )
        for i, row in enumerate(values)
    ]


def _numeric(group: h5py.Group, name: str) -> h5py.Dataset | None:
    """The data set of numbers of that name; None where there is none, as behind a link that leads nowhere."""
    found = group.get(name)
    return found if isinstance(found, h5py.Dataset) and found.dtype.kind in "iuf" and found.ndim else None


def _terms(entry: h5py.Group) -> tuple[str, ...]:
    """What the curve's SASprocess says, in order."""
    processes = [item for item in entry.values() if _class_of(item) == "SASprocess"]
    names = [(process, key) for process in processes for key in process if key.startswith("term")]
    names.sort(key=lambda pair: int(pair[1][4:]) if pair[1][4:].isdigit() else 0)
    return tuple(text(process[key][()]) for process, key in names if isinstance(process[key], h5py.Dataset))
