"""The same frames through pyFAI's own integration, to see what our binning changes (`--integrator pyfai:bbox`)."""

from __future__ import annotations

import threading
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import CalibrationError, InputFileError, ShapeError, bad_value
from ..nouns import FloatArray
from .azimuthal import FrameSums, comparable
from .geometry import Geometry

METHODS = {
    "no": ("no", "histogram", "cython"),
    "bbox": ("bbox", "csr", "cython"),
    "full": ("full", "csr", "cython"),
}


@dataclass(frozen=True, eq=False)
class PyFAICurve:
    """q (1/nm), intensity = signal / norm and its sigma as pyFAI reports it (variance of an empty pixel taken as 1)."""

    q: FloatArray
    intensity: FloatArray
    sigma: FloatArray


class PyFAIIntegrator:
    """pyFAI behind the interface of `azimuthal.Integrator`, for comparison: 10 to 40 times slower.

    method: "no" (whole pixels), "bbox" (bounding boxes), "full" (true corners), or pyFAI's own triple joined by "-",
    for example "bbox-csc-cython". q_min, q_max (1/nm): None for the range of the unmasked pixels, as pyFAI chooses
    it. Splitting shares a photon between bins: counts are then not integers and neighbouring bins not independent.
    The lock is there because pyFAI's geometry keeps one sparse matrix per method. Raises InputFileError (method).
    """

    def __init__(
        self,
        geometry: Geometry,
        *,
        mask: npt.NDArray[np.bool_],
        q_min: float | None,
        q_max: float | None,
        bins: int,
        polarization: float | None = 0.99,
        saturation: float | None = None,
        method: str = "bbox",
    ) -> None:
        if mask.shape != geometry.shape:
            raise ShapeError(f"mask has shape {mask.shape}: the detector of {geometry.source} has {geometry.shape}")
        if (q_min is None) != (q_max is None):
            raise bad_value(
                CalibrationError,
                where=geometry.source,
                field="q range",
                value=f"{q_min} to {q_max}",
                rule="needs both ends or none",
                remedy="give q_min_per_nm and q_max_per_nm",
            )
        self.shape = geometry.shape
        self.bins = bins
        self.saturation = saturation
        self._engine = geometry.engine
        if _method(method)[0] != "no":
            # split boxes are cut at their edges: pixel centres in double precision, as pyFAI had them before 2025.12
            self._engine = deepcopy(geometry.engine)
            self._engine.qArray(self.shape)
        self._mask = mask
        self._lock = threading.Lock()
        self._settings: dict[str, Any] = {
            "npt": bins,
            "unit": "q_nm^-1",
            "radial_range": None if q_min is None else (q_min, q_max),
            "polarization_factor": polarization,
            "method": _method(method),
            "error_model": "poisson",
        }

    @cached_property
    def q(self) -> FloatArray:
        """Centres of the bins, 1/nm."""
        return self.curve(np.zeros(self.shape, np.int32)).q

    def integrate(self, frame: npt.NDArray) -> FrameSums:
        """pyFAI's sums of signal and normalisation: `intensity` is pyFAI's, `sigma` is sqrt(counts) / norm."""
        result, left_out, negative = self._pyfai(frame)
        return FrameSums(
            np.asarray(result.sum_signal, dtype=np.float64),
            np.asarray(result.sum_normalization, dtype=np.float64),
            negative=negative,
            saturated=left_out - negative,
        )

    def curve(self, frame: npt.NDArray) -> PyFAICurve:
        """What pyFAI itself reports."""
        result, _, _ = self._pyfai(frame)
        return PyFAICurve(*(np.asarray(a, dtype=np.float64) for a in (result.radial, result.intensity, result.sigma)))

    def _pyfai(self, frame: npt.NDArray) -> tuple[Any, int, int]:
        """pyFAI's result, how many unmasked pixels were left out, and how many of these were negative.

        They are marked as NaN, which pyFAI leaves out of any method; a mask that changed with the frame would make
        it compute its matrix again.
        """
        if frame.shape != self.shape:
            raise ShapeError(f"frame has shape {frame.shape}: the geometry is for {self.shape}")
        pixels, limit, negative_from = comparable(frame, self.saturation)
        left_out = (pixels >= limit).reshape(self.shape) & ~self._mask
        negative = (pixels >= negative_from).reshape(self.shape) & ~self._mask
        values = np.where(left_out, np.nan, frame).astype(np.float32)
        with self._lock:
            result = self._engine.integrate1d_ng(values, mask=self._mask.astype(np.int8), **self._settings)
        return result, int(left_out.sum()), int(negative.sum())


def _method(name: str) -> tuple[str, str, str]:
    parts = METHODS.get(name, tuple(name.split("-")))
    if len(parts) != 3:
        raise bad_value(
            InputFileError,
            where="--integrator",
            field="pyFAI method",
            value=name,
            rule=f"must be {', '.join(METHODS)} or split-algorithm-implementation",
            remedy="for example pyfai:bbox or pyfai:full-csc-cython",
        )
    return parts[0], parts[1], parts[2]
