"""Height maps of scanning probe microscopes: Gwyddion, Bruker, Asylum and JPK through AFMReader, TIFF and text as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputFileError, bad_value
from ..nouns import FloatArray
from ..nouns.heights import HeightMap
from ..units import NM_PER_M, NM_PER_UM
from .micrograph import read_levels
from .refusal import refusal
from .small_file import text_of

CHANNELS = ("Height", "ZSensor", "Height Sensor", "HeightRetrace", "HeightTrace", "ZSensorRetrace", "ZSensorTrace",
            "height_retrace", "height_trace", "measuredHeight_retrace", "measuredHeight_trace", "Topography", "Z")  # fmt: skip
LARGEST_UM = 1000.0
FEWEST = 32  # pixels along each side
BRUKER_HEADER = 1_000_000  # bytes, at most
BRUKER = (".spm", *(f".{i:03d}" for i in range(1000)))


def read_height_map(path: str | Path, *, um_per_pixel: float | None, um_per_level: float | None) -> HeightMap:
    """Heights in um and the size of a pixel. um_per_pixel, um_per_level: for TIFF and text, which do not state them (a TIFF may
    state its pixel). Raises InputFileError for what cannot be read, holds no channel of heights, or lacks a scale."""
    path = Path(path)
    kind = path.suffix.lower()
    if not path.is_file():
        raise refusal(path, "--height-map", path.name, "does not exist", "give the path of a height map")
    if kind in (".tif", ".tiff", ".txt", ".asc", ".csv", ".dat"):
        found = _plain(path, um_per_pixel, um_per_level)
    else:
        found = _instrument(path, kind)
    return _checked(path, found)


def _plain(path: Path, um_per_pixel: float | None, um_per_level: float | None) -> HeightMap:
    if path.suffix.lower() in (".tif", ".tiff"):
        levels, scale = read_levels(path)
        stated, levels = scale.um_per_pixel, np.asarray(levels, dtype=float)
    else:
        stated, levels = None, _text(path)
    pixel = um_per_pixel if stated is None else stated
    for option, value in (("--um-per-pixel", pixel), ("--um-per-level", um_per_level)):
        if value is None or not (np.isfinite(value) and value > 0.0):
            raise refusal(
                path, option, value, "must be positive: this file does not state it",
                f"give {option}, the {'size of a pixel' if option == '--um-per-pixel' else 'height of one level'} in um",
            )  # fmt: skip
    assert pixel is not None
    assert um_per_level is not None
    return HeightMap(path.stem, levels * um_per_level, pixel, f"{path.name}, {um_per_level:g} um per level")


def _text(path: Path) -> FloatArray:
    try:
        rows = [line.replace(",", " ").replace(";", " ").split() for line in text_of(path).splitlines()]
        return np.array([[float(v) for v in row] for row in rows if row and not row[0].startswith("#")], dtype=float)
    except (ValueError, UnicodeDecodeError) as error:
        raise refusal(
            path,
            "--height-map",
            path.name,
            f"holds no rectangle of numbers ({error})",
            "give one row of heights per line",
        ) from error


def _instrument(path: Path, kind: str) -> HeightMap:
    """Gwyddion's through gwyfile (AFMReader never ends on one that is cut short), others through AFMReader."""
    try:
        readers = _readers()
    except ImportError as error:
        raise bad_value(
            InputFileError, where=path, field="--height-map", value=path.name, rule="is read through AFMReader and gwyfile",
            remedy="install them with: pip install 'electrosaxs[afm]', or save the map as text or TIFF",
        ) from error  # fmt: skip
    if kind not in readers:
        raise refusal(
            path, "--height-map", path.name, "must be .gwy, .spm, .000, .ibw, .jpk, TIFF or text",
            "save the map in one of these",
        )  # fmt: skip
    said = ""
    for channel in CHANNELS:
        try:
            image, nm_per_pixel = readers[kind](path, channel)
        except Exception as error:  # each of these readers raises what it likes: the last word is shown
            said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            continue
        heights = np.asarray(image, dtype=float) / NM_PER_UM
        return HeightMap(path.stem, heights, float(nm_per_pixel) / NM_PER_UM, f"{path.name}, channel {channel}")
    raise refusal(
        path, "--height-map", path.name, f"holds no channel of heights that can be read ({said})",
        f"name the channel {CHANNELS[0]}, or save the map as text",
    )  # fmt: skip


def _readers() -> dict[str, Callable[..., tuple[Any, Any]]]:
    """By the ending of a file: (path, channel) -> heights and the size of a pixel, both in nm."""
    from AFMReader import ibw, jpk, spm
    from AFMReader.logging import logger

    logger.disable("AFMReader")  # its log is no matter of the user's

    def bruker(path: Path, channel: str) -> tuple[Any, Any]:
        with path.open("rb") as file:  # the reader never ends on a file without the end of its header
            if b"\\*File list end" not in file.read(BRUKER_HEADER):
                raise ValueError("no header of a Bruker file")
        return spm.load_spm(path, channel)

    return {".gwy": _gwyddion, ".ibw": ibw.load_ibw, ".jpk": jpk.load_jpk, **dict.fromkeys(BRUKER, bruker)}


def _gwyddion(path: Path, channel: str) -> tuple[FloatArray, float]:
    import gwyfile

    fields = gwyfile.util.get_datafields(gwyfile.load(str(path)))
    if channel not in fields:
        raise ValueError(f"channels {', '.join(fields)}")
    field = fields[channel]
    units = [getattr(field.get(key), "unitstr", "m") for key in ("si_unit_xy", "si_unit_z")]
    if units != ["m", "m"]:
        raise ValueError(f"channel {channel} is in {units[1]} over {units[0]}, not in m over m")
    return np.asarray(field.data, dtype=float) * NM_PER_M, float(field.xreal) / field.data.shape[1] * NM_PER_M


def _checked(path: Path, found: HeightMap) -> HeightMap:
    """Refuses what is no map: too small, not finite, flat, or with impossible lengths."""
    heights = found.heights_um
    if heights.ndim != 2 or min(heights.shape) < FEWEST:
        raise refusal(path, "--height-map", str(heights.shape), f"must have {FEWEST} x {FEWEST} heights", "give a map")
    if not np.isfinite(heights).any() or np.ptp(heights[np.isfinite(heights)]) == 0.0:
        raise refusal(
            path, "--height-map", path.name, "holds the same height everywhere", "give the channel of heights"
        )
    if not 1e-5 <= found.um_per_pixel <= LARGEST_UM or np.ptp(heights[np.isfinite(heights)]) > LARGEST_UM:
        raise refusal(
            path, "--um-per-pixel, --um-per-level", f"{found.um_per_pixel:g} um, heights over {np.nanmax(heights):.3g} um",
            f"lengths must lie between 1e-5 and {LARGEST_UM:g} um", "give both in um",
        )  # fmt: skip
    return found
