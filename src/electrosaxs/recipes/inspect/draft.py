"""A draft of run.toml for frames that were looked into: what the files say stands there, what they do not say is asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ...io.beamline.detector_facts import detector_facts
from ...io.contents import STACK, contents
from ...io.run_toml import quoted
from ...materials import HC_KEV_NM
from ...nouns.contents import FileContents
from .frames_draft import frames_draft

GEOMETRY = "detector geometry (pyFAI)"
ASKED = """
[cell]
# gap_mm = 3.5               # not in the files: distance between the electrodes
# path_length_mm = 10.0      # not in the files: path of the beam through the solution
# temperature_K = 298.15     # default
# voltage_V = 20.0           # only where the frame table has no voltage
# anode_height_um = 0.0      # absent: found from the data

[solution]
# volume_fraction = 8.0e-4   # not in the files: core + dry ligand shell in the starting solution
# core = "Ag"                # defaults
# ligand = "1-dodecanethiol"
# solvent = "toluene"
"""


def draft(found: Sequence[FileContents], folder: Path) -> str | None:
    """The text of a run.toml in `folder` for the frames among `found`; None where there are none.

    Geometry and mask are looked for among `found` and beside the frames.
    """
    frames = frames_draft(found, folder)
    if frames is None:
        return None
    beside = {one.path.resolve().parent for one in found}
    geometry = _first(
        [one.path for one in found if one.kind == GEOMETRY], sorted(p for f in beside for p in f.glob("*.poni"))
    )
    mask = _first([], sorted(path for place in beside for path in place.glob("*mask*.*") if path.is_file()))
    lines = [
        "# A draft by electrosaxs inspect: what stands behind # is a default, or is not in the files; look at every guess.",
        "# Then: electrosaxs check run.toml",
        "",
        "[run]",
        f"title = {quoted(found[0].path.stem)}",
        ASKED.rstrip(),
        "",
        "[beam]",
        _energy(geometry, found),
        "# fwhm_um = 34.0             # not in the files: vertical full width at half maximum",
        "",
        "[detector]",
        f"geometry = {quoted(_from(geometry, folder))}"
        if geometry
        else '# geometry = "geometry.poni"  # of electrosaxs calibrate',
        f'mask = {quoted(_from(mask, folder))}  # 1 = masked' if mask else '# mask = "mask.edf"',
        "",
        "[frames]",
        *frames,
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _energy(geometry: Path | None, found: Sequence[FileContents]) -> str:
    """The energy that the geometry's wavelength means, else the one that the frames' file states."""
    if geometry is not None:
        entries = {part.name: part.text for part in contents(geometry).parts}
        try:
            energy = 1e-9 * HC_KEV_NM / float(entries["wavelength_m"])
            return f"energy_keV = {energy:.6g}    # of the wavelength in {geometry.name}"
        except (KeyError, ValueError):
            pass
    for one in (one for one in found if one.kind == "HDF5"):
        facts = detector_facts(one.path, next((part.name for part in one.parts if part.kind == STACK), ""))
        energy = facts.energy_keV or (HC_KEV_NM / facts.wavelength_nm if facts.wavelength_nm else 0.0)
        if energy:
            return f"energy_keV = {energy:.6g}    # as {one.path.name} states it"
    return "# energy_keV = 13.3          # not in the files"


def _first(given: Sequence[Path], beside: Sequence[Path]) -> Path | None:
    """What was given, else the only one that lies beside the frames."""
    return given[0] if given else beside[0] if len(beside) == 1 else None


def _from(path: Path, folder: Path) -> str:
    """The path as run.toml in `folder` names it."""
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
