"""Where every photon of a run goes: geometry, masks, hot and dead pixels, bins."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import ShapeError, bad_value
from ...io.poni import read_poni
from ...nouns import Run
from ...nouns.frame_reader import FrameKind
from ...nouns.run_plan import RunPlan
from ...reduction.azimuthal import Integrator
from ...reduction.geometry import Geometry, pixel_geometry
from ...reduction.masking import BoolImage, is_fit2d_mask, read_mask, static_mask
from ...reduction.outliers import Outliers, find_outliers
from ...reduction.q_window import filled_window
from .beam_centre import Frames, Quarters, about_the_beam, watched

OUTLIER_BINS = 500
"""The most q bins in which hot and dead pixels are looked for: a pixel needs many others of its q to stand out from."""
PILATUS_SATURATION = 2**20 - 1
"""Counts at which a Pilatus pixel is full (20 bit), where the frames do not state their own limit."""


@dataclass(frozen=True, eq=False)
class PreparedDetector:
    """Where every photon of a run goes. run: with the q window that the detector has; outliers: hot and dead
    pixels; mask (y, x): with them; notes: what was found on the way."""

    run: Run
    geometry: Geometry
    mask: BoolImage
    saturation: float | None
    integrator: Integrator
    outliers: Outliers
    notes: tuple[str, ...]


def prepared(run: Run, reader: FrameKind, frames: Frames) -> PreparedDetector:
    """Geometry, masks and bins of a run; hot and dead pixels and the beam centre are looked for in what `frames` gives."""
    geometry, mask, turned = detector_of(run, reader)
    saturation = _saturation(reader, geometry)
    few = min(run.analysis.bins, OUTLIER_BINS)
    own, quarters = _own_integrator(run, geometry, mask, saturation, bins=few), list[Quarters]()
    outliers = find_outliers(watched(frames(), own, quarters), own)

    def of(other: Geometry) -> Integrator:
        return _own_integrator(run, other, mask | outliers.mask, saturation, bins=few)

    centred, moved = about_the_beam(geometry, quarters, frames, of)
    if moved:
        geometry, (mask, _) = centred, _user_and_gaps(run, centred, reader)
        outliers = find_outliers(frames(), _own_integrator(run, geometry, mask, saturation, bins=few))
    mask = mask | outliers.mask
    own = _own_integrator(run, geometry, mask, saturation, bins=run.analysis.bins)
    window, cut = filled_window(run.analysis, own.pixels_per_bin, own.width, where=geometry.source)
    if cut:
        run = run.model_copy(update={"analysis": window})
        own = _own_integrator(run, geometry, mask, saturation, bins=window.bins)
    notes = (*turned, *cut, f"outliers: {outliers.note}", *moved)
    return PreparedDetector(run, geometry, mask, saturation, own, outliers, notes)


def detector_of(run: Run | RunPlan, reader: FrameKind) -> tuple[Geometry, BoolImage, tuple[str, ...]]:
    """Where the pixels are, which of them are masked before any frame is looked at, and how the user's mask was read where
    that is not as it is stored."""
    assert run.detector.geometry is not None
    where = read_poni(run.detector.geometry)
    geometry = pixel_geometry(where, energy_keV=run.beam.energy_keV, frame_shape=reader.shape)
    _same_shape(geometry, reader)
    return geometry, *_user_and_gaps(run, geometry, reader)


def _same_shape(geometry: Geometry, reader: FrameKind) -> None:
    if tuple(geometry.shape) != tuple(reader.shape):
        raise bad_value(
            ShapeError,
            where=geometry.source,
            field="detector shape",
            value=f"{geometry.shape} ({geometry.detector})",
            rule=f"the frames have shape {tuple(reader.shape)}",
            remedy="give the geometry file of the detector that took the frames",
        )


def _user_and_gaps(run: Run | RunPlan, geometry: Geometry, reader: FrameKind) -> tuple[BoolImage, tuple[str, ...]]:
    """The mask that holds for all frames, and how the user's was read where that is not as it is stored."""
    user: BoolImage | None = None
    notes: tuple[str, ...] = ()
    if (path := run.detector.mask) is not None:
        below = all(file.suffix.lower() == ".edf" for file in reader.files)
        user = read_mask(path, geometry.shape, first_row_below=below)
        if is_fit2d_mask(path) and not below:
            notes = (f"mask: {path.name} is FIT2D's, its first row is the last of the frames",)
    window = run.analysis
    mask = static_mask(
        geometry, user, q_min=window.q_min_per_nm, q_max=window.q_max_per_nm, where=run.detector.mask or "mask"
    )
    return mask, notes


def _saturation(reader: FrameKind, geometry: Geometry) -> float | None:
    """The count from which a pixel is left out of its frame; None where only the type of the frames limits it."""
    if reader.saturation is None and geometry.detector.startswith("Pilatus"):
        return PILATUS_SATURATION
    return reader.saturation


def _own_integrator(
    run: Run, geometry: Geometry, mask: BoolImage, saturation: float | None, *, bins: int
) -> Integrator:
    return Integrator(
        geometry,
        mask=mask,
        q_min=run.analysis.q_min_per_nm,
        q_max=run.analysis.q_max_per_nm,
        bins=bins,
        polarization=run.beam.polarization,
        saturation=saturation,
    )
