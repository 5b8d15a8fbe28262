"""The beam centre that the frames themselves show, where the geometry file has another one.

A curve averaged about a wrong centre is smeared: its peaks are lines no more, and no sizes describe it. Four quarters of a few
frames tell the centre to a hundredth of a pixel, and the frames are integrated about that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from ...reduction.azimuthal import Integrator
from ...reduction.geometry import Geometry
from ...reduction.sectors import Quarters, mean_shift

Frames = Callable[[], Iterable[npt.NDArray[np.integer]]]
LEAST_OFF_PX = 0.05
"""Of the beam centre (chosen): a few hundredths of a pixel move a lattice constant by its sigma, less is not looked for."""
SURE = 5.0
"""Sigmas from which on a centre is off."""
ROUNDS, SETTLED_PX = 4, 0.003
"""Corrections at most, and the step from which on another is made (chosen: the curves' slopes are those of the last centre)."""
LEFT = 0.25
"""Of what chi-squared of the quarters exceeds its expectation by (chosen): where more is left, it is no shifted centre."""


def watched(
    frames: Iterable[npt.NDArray[np.integer]], own: Integrator, into: list[Quarters]
) -> Iterator[npt.NDArray[np.integer]]:
    """`frames` as they are, with what their quarters say of the centre of `own` appended to `into`."""
    for frame in frames:
        if (seen := own.quarters(frame)) is not None:
            into.append(seen)
        yield frame


def about_the_beam(
    geometry: Geometry, first: list[Quarters], frames: Frames, integrator: Callable[[Geometry], Integrator]
) -> tuple[Geometry, tuple[str, ...]]:
    """The geometry about the centre that the frames show, with the words for it; as it is, with none, where they show no other
    or still disagree about that one.

    first: what each of the frames says of `geometry` (`Integrator.quarters`), hot pixels among them; integrator: for a
    geometry, without hot pixels.
    """
    if not _suspicious(first):
        return geometry, ()
    given = told = _told(frames, integrator(geometry))
    best, x, y, sigma = geometry, 0.0, 0.0, 0.0
    for _ in range(ROUNDS):
        step = _step(told, LEAST_OFF_PX) if best is geometry else _step(told, SETTLED_PX, sure=1.0)
        if step is None:
            break
        x, y, sigma = x + step[0], y + step[1], step[2]
        best = geometry.beside(x, y)
        told = _told(frames, integrator(best))
    if best is geometry or _excess(told) > LEFT * _excess(given):
        return geometry, ()
    return best, (
        f"geometry: left, right, top and bottom of the frames disagree as where the beam centre is off by {x:+.2f} pixels along"
        f" the rows and {y:+.2f} along the columns (+- {sigma:.2g}); frames are integrated about the centre that they show;"
        " calibrate again, or correct it in the file",
    )


def _told(frames: Frames, own: Integrator) -> list[Quarters]:
    return [seen for frame in frames() if (seen := own.quarters(frame)) is not None]


def _suspicious(first: list[Quarters]) -> bool:
    """Whether most frames see the centre elsewhere; a hot pixel spoils some of them."""
    shift = np.array([one.shift for one in first]).reshape(-1, 2)
    return len(shift) > 2 and float(np.hypot(*np.median(shift, axis=0))) > LEAST_OFF_PX


def _step(told: list[Quarters], least_px: float, sure: float = SURE) -> tuple[float, float, float] | None:
    """How far (columns, rows) the centre is off, with its sigma; None: not by `sure` sigmas, or by less than `least_px`."""
    (x, y), sigma = mean_shift(told)
    return (float(x), float(y), sigma) if np.hypot(x, y) > max(least_px, sure * sigma) else None


def _excess(told: list[Quarters]) -> float:
    """Median of what the frames' chi-squared exceeds its expectation by."""
    return float(np.median([one.chi_squared for one in told])) - 1.0
