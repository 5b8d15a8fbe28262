"""How a known layer bends across each beam, and between the frames of a scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray
from .beam_profile import BeamView

LEAST = 1e-6  # over the start: a model that the cell has emptied is not asked for less
SMOOTHER = 0.5
"""Of the steps of ln phi between the heights of a scan (chosen): where the layer explains less than that it is another one."""
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LayerShape:
    """ln(phi / phi0) of the layer. within (scan, height, node): across each beam over that at its read height, at the time of
    its frame; at_frame (scan, height, height): at the last height, at the time of the frame at the other; told (scan, height):
    beams in which it is the layer that frames show; start: phi0."""

    within: FloatArray
    at_frame: FloatArray
    told: BoolArray
    start: float

    @classmethod
    def of(
        cls, over_start: Callable[[FloatArray, FloatArray], FloatArray], view: BeamView, *, time_s: FloatArray,
        told: BoolArray, start: float,
    ) -> LayerShape:  # fmt: skip
        """over_start: phi / phi0 of heights (um) and times (s); time_s (scan, height)."""
        time = time_s[..., None]
        at_frame = np.log(np.maximum(over_start(view.read_um, time), LEAST))
        own = np.diagonal(at_frame, axis1=1, axis2=2)
        return cls(np.log(np.maximum(over_start(view.z, time), LEAST)) - own[..., None], at_frame, told, start)

    def of_scans(self, some: slice) -> LayerShape:
        return LayerShape(self.within[some], self.at_frame[some], self.told[some], self.start)

    @property
    def own(self) -> FloatArray:
        """(scan, height) of each frame at its own read height."""
        return np.diagonal(self.at_frame, axis1=1, axis2=2)

    @property
    def growth(self) -> FloatArray:
        """Ratio (scan, height, height) of phi at the last height, at the time of the frame at the other, to its own frame's."""
        return np.exp(self.at_frame - self.own[:, None, :])

    def misses(self, phi: FloatArray) -> FloatArray:
        """Share of ln(phi / phi0) (scan, height) that the layer does not explain, from 0 to 1; 1 where it is another one."""
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.abs(_logarithm(phi / self.start) - self.own) / np.abs(self.own)
        return np.where(self.told, np.clip(np.nan_to_num(share, nan=1.0), 0.0, 1.0), 1.0)

    def that_explains(self, phi: FloatArray, far: BoolArray) -> LayerShape:
        """In the beams that may see it: of scans whose steps of ln phi (scan, height) from height to height are less than half
        over the layer, and, of the others, in beams `far` (height,) from the anode where that much of phi itself is."""
        shown = _logarithm(phi)
        over, plain = (np.nansum(np.abs(np.diff(x, axis=1)), axis=1) for x in (shown - self.own, shown))
        smooth = (over < SMOOTHER * plain)[:, None]
        alone = far & (replace(self, told=np.ones_like(self.told)).misses(phi) < SMOOTHER)
        return replace(self, told=np.where(far, self.told | alone, self.told) & (smooth | alone))


def _logarithm(phi: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.log(np.where(phi > 0.0, phi, np.nan)))
