"""The solvent-filled cell, pooled over its frames, and what is left of a sample frame without it."""

from __future__ import annotations

import numpy as np
import scipp as sc

from ..errors import ShapeError
from ..nouns import FloatArray, Intensity, SampleIntensity


def pooled(intensity: Intensity) -> Intensity:
    """One curve (q,) from frames of the same content (frame, q): sum(counts) / sum(norm x monitor x transmission).

    Each photon weighs the same, so a bin with few counts is not biased as a mean weighted by 1 / variance is.
    Variance: that of the pooled counts. `per_count` (q,): what one photon of all frames together adds. Contributions
    of single frames (monitor, transmission) are taken as independent between frames, `dark` as common to them.
    Masked frames and bins are left out; a bin that no frame has is NaN under the mask `no_pixels`.
    """
    good = intensity.good
    if not good.any():
        raise ShapeError("no frame to pool is usable: give solvent frames with a monitor and a transmission")
    weight = np.where(good, 1.0 / np.where(good, intensity.coord("per_count"), 1.0), 0.0)
    total = weight.sum(axis=0)
    empty = total <= 0
    share = weight / np.where(empty, np.nan, total)

    def mean(values: FloatArray) -> FloatArray:
        return np.where(empty, np.nan, (share * np.where(good, values, 0.0)).sum(axis=0))

    def spread(sigma: FloatArray) -> FloatArray:
        return np.where(empty, np.nan, np.sqrt((np.square(share * np.where(good, sigma, 0.0))).sum(axis=0)))

    coords = {
        "q": intensity.data.coords["q"],
        "per_count": _curve(np.where(empty, np.nan, 1.0 / np.where(empty, 1.0, total))),
    }
    if "dark" in intensity.data.coords:
        coords["dark"] = _curve(mean(intensity.coord("dark")))
    shared = {
        name: _curve(mean(sigma.values) if name == "dark" else spread(sigma.values))
        for name, sigma in intensity.shared.items()
    }
    curve = sc.array(dims=["q"], values=mean(intensity.values), variances=spread(intensity.sigma) ** 2, unit="one")
    return Intensity(
        sc.DataArray(curve, coords=coords, masks={"no_pixels": sc.array(dims=["q"], values=empty)}), shared
    )


def subtract_solvent(intensity: Intensity, solvent: Intensity) -> SampleIntensity:
    """I - I_solvent, dims (frame, q); `solvent` is a pooled curve (q,).

    Variances stay the sample frame's own counting. Coordinates `per_count` (frame, q), `solvent` and
    `solvent_variance` (q,) let a fit rebuild the variance of a bin as per_count x (model + solvent), which counts
    with the photons of the solvent (and of the dark level) that were in the frame. The sigma that the solvent
    brings is the same in all frames: `shared["background"]` its counting, `shared["background_<name>"]` the rest.
    An error of the dark level is in both and goes out as it came in: `shared["dark"]` is the difference of the two.
    Raises ShapeError where the q of the two differ.
    """
    if solvent.dims != ("q",) or not np.array_equal(solvent.coord("q"), intensity.coord("q")):
        raise ShapeError(
            "the solvent must be one curve (q,) in the bins of the sample: reduce both with one integrator"
        )
    level = sc.values(solvent.data.data)
    data = sc.DataArray(
        intensity.data.data - level,
        coords=dict(intensity.data.coords.items()),
        masks={**intensity.data.masks, "no_solvent": sc.isnan(level)},
    )
    taken_away = level + sc.nanmean(data.coords["dark"], "frame") if "dark" in data.coords else level
    data.coords["solvent"] = taken_away
    data.coords["solvent_variance"] = sc.variances(solvent.data.data)
    sizes = intensity.data.sizes
    shared = {
        "background": _as_curves(sc.sqrt(sc.variances(solvent.data.data)), sizes),
        **{f"background_{name}": _as_curves(sigma, sizes) for name, sigma in solvent.shared.items() if name != "dark"},
    }
    if "dark" in intensity.shared and "dark" in solvent.shared:
        shared["dark"] = sc.abs(intensity.shared["dark"] - solvent.shared["dark"])
    return SampleIntensity(data, {**intensity.shared, **shared})


def _curve(values: FloatArray) -> sc.Variable:
    return sc.array(dims=["q"], values=values, unit="one")


def _as_curves(sigma: sc.Variable, sizes: dict[str, int]) -> sc.Variable:
    return sc.broadcast(sigma, sizes=sizes).copy()
