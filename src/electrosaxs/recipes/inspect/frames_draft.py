"""The tables [frames] and [frames.columns] of a draft: where the pixels and the rows are, and which column is which."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ...errors import ElectrosaxsError
from ...io.beamline.documents_table import document_runs
from ...io.beamline.image_series import image_files, series
from ...io.beamline.spec_file import spec_scans
from ...io.beamline.stacks import natural
from ...io.beamline.tables import open_table
from ...io.beamline.their_table import TheirTable
from ...io.contents import SCAN, STACK, TABLE
from ...io.nexus import DATA
from ...io.run_toml import quoted
from ...nouns.contents import FileContents
from ...nouns.frame_source import INSIDE, FrameColumns, FrameSource
from .guesses import Guess, guesses, role_line, unit_of

OWN_TABLE = "frame table"
THEIR_TABLES = ("SPEC", "documents", TABLE)
SCANS = re.compile(r"^/\d+(\.\d+)/")
COMMON = ("/measurement", "/NDAttributes")
ROLES_ASKED = '# role = { reference = "0-5", solvent = "6-11" }  # not in the files: frame ranges, the rest is sample'
FIELD_ON = "field_on: the reading of this clock, or a date, when the field came on"


def frames_draft(found: Sequence[FileContents], folder: Path) -> list[str] | None:
    """The lines of [frames] and [frames.columns] for run.toml in `folder`; None where there are no frames among `found`."""
    stacks = [one for one in found if any(part.kind == STACK for part in one.parts)]
    images = _images(found)
    tables = [one for one in found if one.kind in THEIR_TABLES]
    own = [one for one in found if one.kind == OWN_TABLE]
    if own and not stacks:
        where = (
            f"images = {quoted(_from(images[0].parent, folder))}"
            if images
            else '# images = "images"  # absent: beside it'
        )
        return [where, f"table = {quoted(_from(own[0].path, folder))}"]
    if len(stacks) == 1 and not images:
        return _of_hdf5(stacks[0], tables, folder)
    if images or stacks:
        files = images or [one.path for one in stacks]
        return _of_images(files, tables, folder)
    return None


def _images(found: Sequence[FileContents]) -> list[Path]:
    """Single images that were named, or that a folder holds."""
    named = [one.path for one in found if one.kind == "image"]
    for one in (one for one in found if one.kind.startswith("folder")):
        try:
            named += image_files(one.path)
        except ElectrosaxsError:
            continue
    return sorted(named, key=lambda path: natural(path.name))


def _of_hdf5(one: FileContents, tables: Sequence[FileContents], folder: Path) -> list[str]:
    stacks = [part for part in one.parts if part.kind == STACK]
    lines = [f"nexus = {quoted(_from(one.path, folder))}", *(f"# holds {part.name}: {part.text}" for part in stacks)]
    if any(part.name == DATA for part in stacks) and any(part.name.startswith("/entry/frames/") for part in one.parts):
        return lines
    like = {SCANS.sub(r"/*\1/", part.name) for part in stacks}
    data = next(iter(like)) if len(like) == 1 and len(stacks) > 1 else stacks[0].name
    if data != DATA:
        several = len(like) > 1
        remark = (
            "  # guess: the first of several"
            if several
            else "  # the only stack"
            if len(stacks) == 1
            else "  # of all scans"
        )
        lines.append(f"data = {quoted(data)}{remark}")
    source = FrameSource(nexus=one.path, data=data)
    if tables:
        return [*lines, *_with_table(source, tables[0], folder, None)]
    groups = {
        SCANS.sub(r"/*\1/", part.name).rpartition("/")[0] for part in one.parts if part.kind in ("column", "value")
    }
    group = next(
        (g for end in COMMON for g in sorted(groups) if g.endswith(end) and not g.endswith("/detector" + end)), None
    )
    if group is None:
        return [*lines, *_columns(source, ())]
    inside = f"{_from(one.path, folder)}{INSIDE}{group}"
    source = source.model_copy(update={"table": Path(f"{one.path}{INSIDE}{group}")})
    return [*lines, f"table = {quoted(inside)}", *_columns(source, ())]


def _of_images(files: Sequence[Path], tables: Sequence[FileContents], folder: Path) -> list[str]:
    pattern = _pattern(files)
    source = FrameSource(images=pattern.resolve(), columns=FrameColumns())
    names = series(pattern.resolve())
    lines = [f"images = {quoted(_from(pattern, folder))}  # {len(names)} frames, by number"]
    if tables:
        return [*lines, *_with_table(source, tables[0], folder, len(names))]
    return [*lines, *_columns(source, names)]


def _pattern(files: Sequence[Path]) -> Path:
    """A pattern for images of one series: what their names have in common, without the number."""
    first = files[0]
    length = next(
        (n for n, letters in enumerate(zip(*(p.name for p in files), strict=False)) if len(set(letters)) > 1), 0
    )
    stem = first.name[:length] if len(files) > 1 else first.stem
    same = all(path.parent == first.parent for path in files)
    return (first.parent if same else first.parent.parent / "*") / f"{stem.rstrip('0123456789')}*{first.suffix}"


def _with_table(source: FrameSource, table: FileContents, folder: Path, frames: int | None) -> list[str]:
    """The line of a table that was named too, and its columns."""
    inside, remark = "", ""
    if table.kind == "SPEC":
        inside, remark = _scans(table, frames)
    elif table.kind == "documents":
        inside, remark = _run(table, frames)
    named = f"{_from(table.path, folder)}{INSIDE}{inside}" if inside else _from(table.path, folder)
    path = Path(f"{table.path}{INSIDE}{inside}") if inside else table.path
    return [f"table = {quoted(named)}{remark}", *_columns(source.model_copy(update={"table": path}), ())]


def _scans(table: FileContents, frames: int | None) -> tuple[str, str]:
    """The scans that have as many rows as there are frames: the only ones, one of them, or all together."""
    rows = {key: number for key, _, number in spec_scans(table.path)}
    keys = [part.name for part in table.parts if part.kind == SCAN]
    everything = keys[0] if len(keys) == 1 else f"{keys[0]}-{keys[-1]}"
    if frames is None or sum(rows.values()) == frames:
        return everything, ""
    fitting = [key for key, number in rows.items() if number == frames]
    if fitting:
        return fitting[0], "  # guess: as many rows as frames"
    return everything, f"  # guess: {sum(rows.values())} rows for {frames} frames"


def _run(table: FileContents, frames: int | None) -> tuple[str, str]:
    """The run that has as many events as there are frames, else the last one that has any."""
    runs = [(uid[:8], events) for uid, _, events in document_runs(table.path) if events]
    fitting = [uid for uid, events in runs if events == frames]
    if fitting or not runs:
        return (fitting[0], "") if fitting else ("", "")
    return runs[-1][0], "" if len(runs) == 1 else "  # guess: the last run"


def _columns(source: FrameSource, names: Sequence[str]) -> list[str]:
    """The table [frames.columns]: guesses with what they rest on, and behind # what must be said."""
    try:
        table = open_table(source, names)
        found = guesses(table)
    except ElectrosaxsError as error:
        return ["", "[frames.columns]", f"# {error}"]
    lines = ["", "[frames.columns]             # ours = theirs; look at every guess"]
    lines += [_height(found.get("height")), _time(found)]
    lines += [_plain("monitor", found.get("monitor"), "the incident-beam counter"), _transmission(found)]
    lines += [_exposure(found.get("exposure"))]
    lines += [_plain(name, found[name], "") for name in ("voltage", "current") if name in found]
    if source.images is not None and source.table is not None and "file" in found:
        lines.append(_plain("file", found["file"], ""))
    lines.append(_roles(found.get("role"), table))
    return lines


def _height(guess: Guess | None) -> str:
    if guess is None:
        return '# height = { column = "sam_z", unit = "mm" }  # not found: the stage height'
    unit = unit_of("height", guess)
    turned = "sign = -1 where the stage goes down when its number rises"
    if unit is None:
        said = f"{guess.said}; no unit stated: mm, um or m? {turned}"
        return f'# height = {{ column = {quoted(guess.name)}, unit = "mm" }}  {said}'
    return f'height = {{ column = {quoted(guess.name)}, unit = "{unit}" }}  {guess.said}; {turned}'


def _time(found: dict[str, Guess]) -> str:
    guess, voltage = found.get("time"), found.get("voltage")
    if guess is None:
        return f'# time = {{ column = "Epoch", field_on = 0.0 }}  # not found; {FIELD_ON}'
    changes = (
        voltage is not None and voltage.column.values.size > 1 and len(set(voltage.column.values.ravel().tolist())) > 1
    )
    if changes:
        said = f"{guess.said}; field-on at the first change of the voltage, or {FIELD_ON}"
        return f"time = {{ column = {quoted(guess.name)} }}  {said}"
    return f"# time = {{ column = {quoted(guess.name)}, field_on = 0.0 }}  {guess.said}; {FIELD_ON}"


def _plain(ours: str, guess: Guess | None, meaning: str) -> str:
    if guess is None:
        return f'# {ours} = {{ column = "..." }}  # not found: {meaning}'
    return f"{ours} = {{ column = {quoted(guess.name)} }}  {guess.said}"


def _transmission(found: dict[str, Guess]) -> str:
    if "transmission" in found:
        return _plain("transmission", found["transmission"], "")
    over, under = found.get("over"), found.get("monitor")
    if over is None or under is None:
        return '# transmission = { over = "diode", under = "monitor", empty = 1.0 }  # not found; it is not taken as 1'
    return (
        f"# transmission = {{ over = {quoted(over.name)}, under = {quoted(under.name)}, empty = 1.0 }}  {over.said};"
        " empty: the ratio in the empty beam; dark_over_per_s, dark_under_per_s: counts without beam"
    )


def _exposure(guess: Guess | None) -> str:
    if guess is None:
        return '# exposure = { column = "Seconds" }  # absent: from the detector\'s file or the headers of the images'
    unit = unit_of("exposure", guess)
    shown = f', unit = "{unit}"' if unit not in (None, "s") else ""
    return f"exposure = {{ column = {quoted(guess.name)}{shown} }}  {guess.said}"


def _roles(guess: Guess | None, table: TheirTable) -> str:
    if guess is None:
        return ROLES_ASKED
    for name in (guess.name, *guess.others):
        column = table.column(name)
        if column is not None and (line := role_line(name, column)) is not None:
            return f"{line}  # guess from the names; the rest is sample"
    return f'# role = {{ reference = "0-5", solvent = "6-11" }}  # frame ranges, or patterns on {guess.name} ({guess.words})'


def _from(path: Path, folder: Path) -> str:
    """The path as run.toml in `folder` names it."""
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
