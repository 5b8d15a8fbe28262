"""The image stacks of an HDF5 file, wherever a beamline put them: masters with external links, virtual data sets, NXdata.

Numbered data sets of one group (data_000001, data_000002, ...) are one stack, in the order of their numbers.
"""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np

from ..hdf5 import open_hdf5
from ..nexus import DATA
from ..refusal import refusal
from .links import Place, located, opened

DEEPEST = 12
NUMBERED = re.compile(r"^(?P<stem>.*?)(?P<number>\d{4,})$")
LISTED = 12
SMALLEST_ALONE = 16
"""Pixels along an edge of a single image (y, x), which might be a table."""
SMALLEST = 2
"""Pixels along an edge: what is narrower is a list of spectra or of numbers."""


@dataclass(frozen=True)
class Piece:
    """One data set of a stack. lead: its dimensions before the last two; empty where it is missing, which says why."""

    name: str
    place: Place
    lead: tuple[int, ...] = ()
    shape: tuple[int, int] = (0, 0)
    dtype: str = ""
    packed: str = ""

    @property
    def frames(self) -> int:
        return 0 if self.place.missing else math.prod(self.lead)


@dataclass(frozen=True)
class Stack:
    """Images (y, x) of one kind, one after the other. names: the paths that lead to it, the first is its own."""

    names: tuple[str, ...]
    pieces: tuple[Piece, ...]

    @property
    def name(self) -> str:
        return self.names[0]

    @property
    def there(self) -> tuple[Piece, ...]:
        """The pieces that are not missing."""
        return tuple(piece for piece in self.pieces if not piece.place.missing)

    @property
    def shape(self) -> tuple[int, int]:
        return self.there[0].shape if self.there else (0, 0)

    @property
    def frames(self) -> int:
        """Frames that are there."""
        return sum(piece.frames for piece in self.pieces)

    @property
    def lead(self) -> tuple[int, ...]:
        """Dimensions before the last two, as counters may have them."""
        return self.pieces[0].lead if len(self.pieces) == 1 else (self.frames,)

    def text(self) -> str:
        """Shape, type, filter and what is missing, in words."""
        sizes = " x ".join(map(str, (*self.lead, *self.shape)))
        first = self.there[0] if self.there else self.pieces[0]
        of = f"{len(self.pieces)} data sets" if len(self.pieces) > 1 else ""
        lost = len(self.pieces) - len(self.there)
        gone = f"{lost} missing, the first {self.pieces[_first_missing(self.pieces)].place.missing}" if lost else ""
        kind = f"{sizes} {first.dtype}" if self.there else ""
        return ", ".join(part for part in (kind, first.packed, of, gone) if part)


def _first_missing(pieces: tuple[Piece, ...]) -> int:
    return next(i for i, piece in enumerate(pieces) if piece.place.missing)


def the_stack(path: Path, data: str | None) -> Stack:
    """The stack that `data` names in the file at `path` (a data set, a group that holds one, or a pattern of paths whose
    stacks follow each other), or the only one. Raises InputFileError naming the stacks that there are."""
    if data is None:
        if not located(path, DATA).missing:
            return _of_name(path, DATA)
        found = all_stacks(path) or all_stacks(path, flat=True)
        if len(found) == 1:
            return _readable(path, found[0])
        rule = "needs one image stack (frame, y, x)" if not found else "there are several image stacks"
        remedy = f"give frames.data = one of {_listed(found)}" if found else "give the file that holds the frames"
        raise refusal(path, "frames.data", "missing", rule, remedy)
    at = located(path, data)
    if not at.missing:
        with opened(at) as item:
            if isinstance(item, h5py.Dataset):
                return _of_name(path, data)
    found = all_stacks(path)
    wanted = "/" + data.strip("/")
    exact = [stack for stack in found if wanted in stack.names]
    inside = [s for s in found if any(n.rpartition("/")[0] == wanted for n in s.names)]
    like = sorted((n, s) for s in found if (n := next((n for n in s.names if fnmatch.fnmatch(n, wanted)), "")))
    chosen = exact or inside or [stack for _, stack in sorted(like, key=lambda one: natural(one[0]))]
    if not chosen or (len(chosen) > 1 and not like):
        rule = "is no image stack of the file" if not chosen else "holds several image stacks"
        rule = at.missing if at.missing and at.file != path else rule  # a link that leads nowhere
        there = _listed(found) or "none: give the file that holds the frames"
        raise refusal(path, "frames.data", data, rule, f"image stacks are {there}")
    return _readable(path, _joined(path, data, chosen))


def _joined(path: Path, data: str, chosen: list[Stack]) -> Stack:
    shapes = {stack.shape for stack in chosen}
    if len(shapes) > 1:
        rule = f"its stacks have frames of {', '.join(map(str, sorted(shapes)))}"
        raise refusal(path, "frames.data", data, rule, "name stacks of one detector")
    return chosen[0] if len(chosen) == 1 else Stack((data,), tuple(p for stack in chosen for p in stack.pieces))


def _readable(path: Path, stack: Stack) -> Stack:
    if stack.there:
        return stack
    first = stack.pieces[0].place.missing
    rule = first if len(stack.pieces) == 1 else f"none of its {len(stack.pieces)} data sets is there: the first {first}"
    raise refusal(path, "frames.data", stack.name, rule, "copy the files to where the links look for them")


def _listed(found: Iterable[Stack]) -> str:
    texts = [f"{stack.name} ({stack.text()})" for stack in found]
    more = f" and {len(texts) - LISTED} more" if len(texts) > LISTED else ""
    return ", ".join(texts[:LISTED]) + more


def _of_name(path: Path, name: str) -> Stack:
    """A stack of one data set, which may be one image (y, x)."""
    place = located(path, name)
    with opened(place) as item:
        if not isinstance(item, h5py.Dataset) or item.ndim < 2 or item.dtype.kind not in "iuf":
            value = f"shape {item.shape}, {item.dtype}" if isinstance(item, h5py.Dataset) else "a group"
            rule = "must be images: (y, x), (frame, y, x) or (scan, repeat, y, x)"
            raise refusal(
                path, "frames.data", f"{name} ({value})", rule, "name the image stack (electrosaxs inspect lists them)"
            )
        return Stack(("/" + name.strip("/"),), (_piece(name, place, item),))


def all_stacks(path: Path, *, flat: bool = False) -> list[Stack]:
    """Every image stack in the file at `path`, each once, whatever leads to it; flat: every single image (y, x)."""
    found: dict[tuple[Path, str], Piece] = {}
    names: dict[tuple[Path, str], list[str]] = {}
    lost: list[Piece] = []
    seen: set[tuple[Path, str]] = set()

    def visit(file: h5py.File, real: Path, group: h5py.Group, at: str, depth: int) -> None:
        key = (real.resolve(), group.name)
        if key in seen or depth > DEEPEST:
            return
        seen.add(key)
        for name in group:
            link, where = group.get(name, getlink=True), f"{at}/{name}"
            if isinstance(link, h5py.HardLink):
                take(file, real, group[name], where, depth)
            else:
                place = located(real, f"{group.name}/{name}")
                if place.missing:
                    if isinstance(link, h5py.ExternalLink):
                        lost.append(Piece(where, place))
                    continue
                if place.file == real:
                    take(file, real, file[place.name], where, depth)
                else:
                    with open_hdf5(place.file) as other:
                        take(other, place.file, other[place.name], where, depth)

    def take(file: h5py.File, real: Path, item: h5py.Group | h5py.Dataset, where: str, depth: int) -> None:
        if isinstance(item, h5py.Group):
            visit(file, real, item, where, depth + 1)
        elif isinstance(item, h5py.Dataset) and (_is_image(item) if flat else is_stack(item)):
            key = (real.resolve(), _address(item))
            found.setdefault(key, _piece(where, Place(real, item.name), item))
            names.setdefault(key, []).append(where)

    with open_hdf5(path) as file:
        visit(file, path, file, "", 0)
    own_first = {key: sorted(paths, key=lambda name: name != DATA) for key, paths in names.items()}
    singles = [Stack(tuple(own_first[key]), (piece,)) for key, piece in found.items()]
    return _numbered(singles, lost)


def _address(item: h5py.Dataset) -> str:
    return str(h5py.h5o.get_info(item.id).addr)


def is_stack(item: h5py.Dataset) -> bool:
    """Whether a data set holds images one after the other."""
    return item.ndim >= 3 and item.dtype.kind in "iuf" and min(item.shape[-2:]) >= SMALLEST and item.size > 0


def _is_image(item: h5py.Dataset) -> bool:
    return item.ndim == 2 and item.dtype.kind in "iuf" and min(item.shape) >= SMALLEST_ALONE


def _piece(name: str, place: Place, item: h5py.Dataset) -> Piece:
    plist = item.id.get_create_plist()
    packed = ", ".join(_filter_name(plist.get_filter(n)) for n in range(plist.get_nfilters()))
    packed = "virtual" if item.is_virtual else packed
    return Piece(name, place, tuple(item.shape[:-2]), tuple(item.shape[-2:]), str(item.dtype), packed)


FILTERS = {1: "gzip", 2: "shuffle", 32000: "LZF", 32001: "Blosc", 32004: "LZ4", 32008: "bitshuffle", 32015: "Zstandard"}


def _filter_name(found: tuple[int, int, tuple[int, ...], bytes]) -> str:
    code, _, parameters, _ = found
    packing = {2: " LZ4", 3: " Zstandard"}.get(parameters[4], "") if code == 32008 and len(parameters) > 4 else ""
    return FILTERS.get(code, f"filter {code}") + packing


def _numbered(singles: list[Stack], lost: list[Piece]) -> list[Stack]:
    """Numbered data sets of one group as one stack; left out where the group also holds them in one piece."""
    groups: dict[tuple[str, str], list[Piece]] = {}
    whole: list[Stack] = []
    for stack in singles:
        for name in stack.names:
            parent, _, last = name.rpartition("/")
            if match := NUMBERED.match(last):
                groups.setdefault((parent, match["stem"]), []).append(replace(stack.pieces[0], name=name))
                break
        else:
            whole.append(stack)
    for piece in lost:
        parent, _, last = piece.name.rpartition("/")
        if match := NUMBERED.match(last):
            groups.setdefault((parent, match["stem"]), []).append(piece)
    joined = []
    for (parent, stem), pieces in groups.items():
        ordered = tuple(sorted(pieces, key=lambda piece: natural(piece.name)))
        total = sum(piece.frames for piece in ordered)
        if any(parent == n.rpartition("/")[0] and s.frames >= total for s in whole for n in s.names):
            continue
        kinds = {(piece.shape, piece.dtype) for piece in ordered if not piece.place.missing}
        if len(kinds) > 1:
            joined += [Stack((piece.name,), (piece,)) for piece in ordered]
        else:
            joined.append(Stack((f"{parent}/{stem}*" if len(ordered) > 1 else ordered[0].name,), ordered))
    found = [*whole, *joined] or [Stack((piece.name,), (piece,)) for piece in lost]
    return sorted(found, key=lambda stack: natural(stack.name))


def natural(name: str) -> list[tuple[int, int | str]]:
    """A key that sorts 2 before 10."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name) if part]


def with_missing(stack: Stack, total: int | None) -> tuple[int, ...]:
    """Frames of each piece; of a missing one as many as of the longest, of a missing last one what `total` leaves.

    A writer of numbered files fills each but the last.
    """
    longest = max(piece.frames for piece in stack.pieces)
    counts = [longest if piece.place.missing else piece.frames for piece in stack.pieces]
    if total is not None and stack.pieces[-1].place.missing:
        counts[-1] = int(np.clip(total - sum(counts[:-1]), 0, None))
    return tuple(counts)
