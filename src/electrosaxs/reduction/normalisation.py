"""Counts -> intensity: per pixel, per incident photon, per transmitted share; and which frames cannot be normalised.

    I = (counts / norm - dark x exposure) / (monitor / monitor_scale) / transmission

The variance is that of the frame's own counts. What is one error for the whole curve of a frame (the dark level) is a
named contribution; the noise of monitor and transmission is found later, from how the frames scatter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipp as sc

from ..errors import ShapeError
from ..nouns import FloatArray, Intensity, RadialCounts

SATURATED_SHARE = 1e-3
NEGATIVE_SHARE = 1e-2


@dataclass(frozen=True, eq=False)
class DarkLevel:
    """Counts per pixel and second of the detector without beam. rate, sigma: (q,)."""

    rate: FloatArray
    sigma: FloatArray


def dark_level(dark: RadialCounts, exposure: npt.ArrayLike) -> DarkLevel:
    """Dark counts per norm and second, all frames pooled: sum(counts) / sum(norm x exposure); sigma: their counting.

    exposure: (frame,) in s. The level is per norm, as the frames it is taken from, so that it needs no solid angle.
    """
    seconds = _per_frame(exposure, dark.counts.sizes["frame"], "exposure")
    counts = np.asarray(dark.counts.values, dtype=np.float64).sum(axis=0)
    weight = (np.asarray(dark.norm.values) * seconds[:, None]).sum(axis=0)
    return DarkLevel(_ratio(counts, weight), _ratio(np.sqrt(counts), weight))


def per_pixel(radial: RadialCounts) -> Intensity:
    """Mean counts per pixel on the axis, counts / norm; sigma: sqrt(counts) / norm. Not yet per photon or transmission.

    Adds `per_count` = 1 / norm, what one photon adds. Bins in which no pixel counted are NaN under the mask
    `no_pixels`.
    """
    counts = np.asarray(radial.counts.values, dtype=np.float64)
    norm = np.asarray(radial.norm.values, dtype=np.float64)
    sigma = _ratio(np.sqrt(counts), norm)
    data = sc.DataArray(
        sc.array(dims=["frame", "q"], values=_ratio(counts, norm), variances=sigma**2, unit="one"),
        coords={**radial.counts.coords, "per_count": _curves(_ratio(np.ones_like(norm), norm))},
        masks={"no_pixels": sc.array(dims=["frame", "q"], values=norm <= 0)},
    )
    return Intensity(data)


def less_dark(intensity: Intensity, dark: DarkLevel, exposure: npt.ArrayLike) -> Intensity:
    """I - dark x exposure, exposure (frame,) in s; the sigma of the dark level is `shared["dark"]`, one for all frames.

    Only before the division by monitor and transmission, which the dark counts have not seen. What was taken away is
    kept as the coordinate `dark`, because it was counted and its noise with it.
    """
    seconds = _per_frame(exposure, intensity.data.sizes["frame"], "exposure")[:, None]
    level = _curves(seconds * dark.rate)
    data = intensity.data - level
    data.coords["dark"] = level
    return Intensity(data, {**intensity.shared, "dark": _curves(seconds * dark.sigma)})


def per_monitor(intensity: Intensity, monitor: npt.ArrayLike, *, monitor_scale: float) -> Intensity:
    """I / (monitor / monitor_scale), monitor (frame,) in counts; NaN where it is not above 0.

    monitor_scale: one number for sample and solvent alike, by habit the mean monitor of the run. The exposure time
    does not stand in for a missing monitor, because the beam is not constant.
    """
    counts = _per_frame(monitor, intensity.data.sizes["frame"], "monitor")
    divisor = np.where(has_monitor(counts), counts, np.nan) / monitor_scale
    return _divided(intensity, divisor, "monitor")


def per_transmission(intensity: Intensity, transmission: npt.ArrayLike) -> Intensity:
    """I / transmission, (frame,), of that frame, cell and content; NaN where it is not in (0, 1]."""
    share = _per_frame(transmission, intensity.data.sizes["frame"], "transmission")
    divisor = np.where(has_transmission(share), share, np.nan)
    return _divided(intensity, divisor, "transmission")


def to_intensity(
    radial: RadialCounts,
    monitor: npt.ArrayLike,
    transmission: npt.ArrayLike,
    *,
    monitor_scale: float,
    dark: DarkLevel | None = None,
    exposure: npt.ArrayLike | None = None,
) -> Intensity:
    """All steps in order; monitor, transmission, exposure (s): (frame,).

    Frames without a usable monitor or transmission are NaN under the masks `no_monitor` and `no_transmission`; the
    coordinate `per_count` (frame, q) is the intensity of one photon. Raises ShapeError (lengths, no exposure).
    """
    intensity = per_pixel(radial)
    if dark is not None:
        if exposure is None:
            raise ShapeError("a dark level needs the exposure of the frames: give the column exposure_s")
        intensity = less_dark(intensity, dark, exposure)
    return per_transmission(per_monitor(intensity, monitor, monitor_scale=monitor_scale), transmission)


def has_monitor(monitor: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """True where the monitor counted something: finite and above 0."""
    return np.isfinite(monitor) & (np.asarray(monitor) > 0)


LOWEST_TRANSMISSION = 1e-5
"""Below it a photodiode, whose dark current is about 1e-6 of its reading of the open beam, reads its own noise (chosen)."""


NOT_A_SHARE = "transmission not in (0, 1]"
"""Why a frame without a transmission is left out."""


def has_transmission(transmission: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """True where the transmission is in (0, 1]."""
    return np.isfinite(transmission) & (np.asarray(transmission) > 0) & (np.asarray(transmission) <= 1)


def frame_flags(
    *,
    monitor: npt.ArrayLike,
    transmission: npt.ArrayLike,
    negative: npt.ArrayLike,
    saturated: npt.ArrayLike,
    used_pixels: int,
    stopped: npt.ArrayLike = 0,
    knife_edge: npt.ArrayLike = False,
) -> list[tuple[str, ...]]:
    """What is wrong with each frame, in words; empty where nothing is. All arrays (frame,).

    Hot pixels alone saturate 1e-6 to 1e-4 of a healthy detector, in every frame. More than 1e-3 is a reflection or
    beam spot that is too bright: its pixels are left out, so that the mean of its bins is too low. Pixels negative
    beyond the gaps are modules that failed during the series; above 1e-2 the bins lose whole azimuths. Where hardly any
    beam comes through, the diode reads its own noise: that is what frames of the `knife_edge` (true) are taken for.
    """
    dark = (np.asarray(transmission, dtype=np.float64) < LOWEST_TRANSMISSION) & ~np.asarray(knife_edge, dtype=bool)
    columns = {
        "no monitor": ~has_monitor(monitor),
        NOT_A_SHARE: ~has_transmission(transmission),
        f"transmission below {LOWEST_TRANSMISSION:.5f}": has_transmission(transmission) & dark,
        "all pixels masked": np.asarray(negative) + np.asarray(saturated) + np.asarray(stopped) >= used_pixels,
        "saturated": np.asarray(saturated) > SATURATED_SHARE * used_pixels,
        "negative pixels": np.asarray(negative) > NEGATIVE_SHARE * used_pixels,
    }
    rows = zip(*columns.values(), strict=True)
    return [tuple(flag for flag, wrong in zip(columns, row, strict=True) if wrong) for row in rows]


def _divided(intensity: Intensity, divisor: FloatArray, kind: str) -> Intensity:
    """Values, sigmas and what one photon adds, all divided by `divisor` (frame,)."""
    by = sc.array(dims=["frame"], values=divisor, unit="one")
    data = intensity.data / by
    for name in ("per_count", "dark"):
        if name in data.coords:
            data.coords[name] = data.coords[name] / by
    data.masks[f"no_{kind}"] = sc.isnan(by)
    return Intensity(data, {name: sigma / by for name, sigma in intensity.shared.items()})


def _curves(values: FloatArray) -> sc.Variable:
    return sc.array(dims=["frame", "q"], values=values, unit="one")


def _ratio(values: FloatArray, norm: FloatArray) -> FloatArray:
    return np.divide(values, norm, out=np.full(norm.shape, np.nan), where=norm > 0)


def _per_frame(values: npt.ArrayLike, frames: int, name: str) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (frames,):
        raise ShapeError(f"{name} has shape {array.shape}: it must have one value for each of the {frames} frames")
    return array
