"""Frame -> counts per q bin: each pixel belongs, whole, to the bin that holds its centre.

Pixels are not split between bins because splitting correlates neighbouring bins; the variance of a bin is its counts,
without a floor. The result equals pyFAI's no-split integration (`method=("no", "histogram", "cython")`) except in the
first bin: pyFAI rounds (q - q_min) / dq towards zero and so counts the pixels one bin width below q_min into it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from ..errors import CalibrationError, InputFileError, ShapeError, bad_value
from ..nouns import FloatArray
from .azimuthal_kernels import BLOCK, LANES, PLACES, Sums, Used, by_bin, sum_counts, sum_left
from .clipping import Clipping, ends_there
from .four_frames import FOUR, looked_through, sum_four
from .geometry import Geometry
from .sectors import UNKNOWN, Quarters, QuarterSums, Sectors
from .stopped_parts import StoppedParts

T = TypeVar("T")
MAX_BINS = 16383
UPPER_EDGE = 1.0 + float(np.finfo(np.float32).eps)  # pyFAI's upper edge lies this much above q_max


class PixelSums(NamedTuple):
    """Of the used pixels of one frame, (bins,): counts of those below a limit; number and weight of the others, `lost`; how
    many of these are negative and how many saturated; counts and weights of the quarters' pixels (bins, 4), where they were
    added up on the way."""

    counts: npt.NDArray[np.int64]
    lost_pixels: npt.NDArray[np.int64]
    lost_weight: FloatArray
    negative: int
    saturated: int
    quarters: QuarterSums | None = None


class _Shown(NamedTuple):
    """One frame as it is added up. pixels (y * x,), limit and negative_from as `comparable` has them; stated: the limit that
    the detector is said to have; gone: used pixels of parts that stood still."""

    pixels: npt.NDArray[np.unsignedinteger]
    limit: np.unsignedinteger
    negative_from: int
    stated: np.unsignedinteger
    gone: int


@dataclass(frozen=True, eq=False)
class FrameSums:
    """One frame in q bins. counts: (bins,) photons; norm: (bins,) solid angle x polarisation of the pixels that
    counted, 0 where none did; negative, saturated: pixels of the q range left out of this frame; stopped: those of parts of
    the detector that stood still; sectors: four quarters against each other (`sectors.COLUMNS`)."""

    counts: FloatArray | npt.NDArray[np.int64]
    norm: FloatArray
    negative: int = 0
    saturated: int = 0
    stopped: int = 0
    sectors: FloatArray = field(default_factory=lambda: UNKNOWN)

    @property
    def intensity(self) -> FloatArray:
        """Mean counts per pixel on the axis, counts / norm; NaN in a bin without pixels."""
        return _over(self.counts, self.norm)

    @property
    def sigma(self) -> FloatArray:
        """Poisson: sqrt(counts) / norm; 0 where nothing was counted, NaN in a bin without pixels."""
        return _over(np.sqrt(self.counts), self.norm)


def _over(values: npt.NDArray, norm: FloatArray) -> FloatArray:
    return np.divide(values, norm, out=np.full(norm.shape, np.nan), where=norm > 0)


def q_bins(q_min: float, q_max: float, bins: int) -> tuple[FloatArray, float]:
    """Centres (bins,) and width of equal bins from q_min to q_max, 1/nm, as pyFAI's."""
    width = float(q_max * UPPER_EDGE - q_min) / bins
    return q_min + (np.arange(bins, dtype=np.float64) + 0.5) * width, width


class Integrator:
    """Which pixel belongs to which bin, worked out once; `integrate` then is a pass over the pixels of the q range.

    geometry: the detector; mask: (y, x), True = left out of every frame (`masking.static_mask`); q_min, q_max: 1/nm;
    polarization: pyFAI's polarization_factor, None for no correction; saturation: values at and above it are left
    out of a frame (the detector's count cut-off), by default the two largest values of an unsigned type, which
    detectors use as flags, or the largest of int32. Thread-safe: nothing changes after construction.

    Raises ShapeError (mask), CalibrationError (no pixel between q_min and q_max).
    """

    def __init__(
        self,
        geometry: Geometry,
        *,
        mask: npt.NDArray[np.bool_],
        q_min: float,
        q_max: float,
        bins: int,
        polarization: float | None = 0.99,
        saturation: float | None = None,
    ) -> None:
        if mask.shape != geometry.shape:
            raise ShapeError(f"mask has shape {mask.shape}: the detector of {geometry.source} has {geometry.shape}")
        if not (0 <= q_min < q_max and 1 <= bins <= MAX_BINS):
            raise ShapeError(f"q from {q_min} to {q_max} in {bins} bins: q must rise and bins lie in 1 to {MAX_BINS}")
        self.shape = geometry.shape
        self.q, self.width = q_bins(q_min, q_max, bins)
        self.saturation = saturation
        position = (geometry.q().ravel() - q_min) / self.width
        used = (position >= 0) & (position < bins) & ~mask.ravel().astype(bool)
        self.pixel = np.flatnonzero(used)
        if self.pixel.size == 0:
            raise bad_value(
                CalibrationError, where=geometry.source, field="q range", value=f"{q_min:g} to {q_max:g} 1/nm",
                rule="no unmasked pixel of the detector lies in it",
                remedy="check q_min_per_nm and q_max_per_nm, the geometry and the mask",
            )  # fmt: skip
        self.bin = position[self.pixel].astype(np.int64)
        self.weight = np.ascontiguousarray(geometry.weight(polarization).ravel()[self.pixel])
        self.pixels_per_bin = np.bincount(self.bin, minlength=bins)
        self.norm = np.bincount(self.bin, self.weight, minlength=bins)
        self.mean_q = self._mean_q(geometry)
        self._parts = StoppedParts.of(geometry.gaps(), self.pixel, self.bin)
        fit2d = geometry.engine.getFit2D()
        self._sectors = Sectors.of(
            self.pixel,
            self.bin,
            self.weight,
            columns=geometry.shape[1],
            centre_yx=(fit2d["centerY"], fit2d["centerX"]),
            width=self.width,
            count=bins,
        )
        self._clipping = Clipping.of(self.pixel, self.bin, self.pixels_per_bin)
        start, length, first = _blocks(self.pixel)
        self._used = Used(start, length, first, self._places(), self.weight)
        self._most_of_a_place = int(np.bincount(self._used.place).max())

    def _places(self) -> npt.NDArray[np.unsignedinteger]:
        """Accumulator (used,) of each used pixel; two bytes each where these can number them."""
        turn = np.arange(self.bin.size) % LANES
        turn[self._sectors.chosen] = LANES + self._sectors.quarter
        number = np.uint16 if self.bins * PLACES <= 2**16 else np.uint32
        return np.asarray(self.bin * PLACES + turn, dtype=number)

    def _mean_q(self, geometry: Geometry) -> FloatArray:
        """Mean q (bins,) of the pixels of each bin, 1/nm; the centre of a bin without pixels.

        Pixels lie on a lattice, so their mean is off the centre by up to a hundredth of a bin: 5e-5 of a Bragg peak's q.
        """
        moment = np.bincount(self.bin, self.weight * geometry.q().ravel()[self.pixel], minlength=self.q.size)
        return np.divide(moment, self.norm, out=self.q.copy(), where=self.norm > 0)

    @property
    def bins(self) -> int:
        return self.q.size

    @property
    def used_pixels(self) -> int:
        """Pixels that have a bin, in every frame."""
        return self.pixel.size

    @cached_property
    def fingerprint(self) -> str:
        """The same for two integrators that give the same numbers: part of the key of stored reductions."""
        digest = hashlib.blake2b(digest_size=16)
        for part in (self.pixel, self.bin, self.weight, self.q):
            digest.update(part.tobytes())
        digest.update(repr((self.shape, self.saturation)).encode())
        return digest.hexdigest()

    def integrate(self, frame: npt.NDArray, *, add: PixelSum | None = None) -> FrameSums:
        """Counts and normalisation of a frame (y, x) of integers, its negative and saturated pixels left out of both, and
        those of parts of the detector that have stopped. add: who adds up the pixels; None: this processor.

        Raises ShapeError (other shape than the geometry), InputFileError (not integers).
        """
        shown = self._shown(self._comparable(frame))
        return self._frame_sums([shown], [(add or self.sum_pixels)(shown.pixels, shown.limit, shown.negative_from)])[0]

    def integrate_together(self, frames: Sequence[npt.NDArray]) -> list[FrameSums]:
        """`integrate` of up to FOUR frames (y, x), the same numbers in less time where they are of one data type."""
        as_read = [self._comparable(frame) for frame in frames]
        kinds = {(one.pixels.dtype, one.negative_from) for one in as_read}
        if len(kinds) > 1 or not 1 < len(frames) <= FOUR:
            return [self.integrate(frame) for frame in frames]
        shown = self._looked_through(as_read)
        pixels, limits = _four([one.pixels for one in shown]), _four([one.limit for one in shown])
        right, counts, by_quarter, left = sum_four(pixels, limits, self._used, self.bins, self._most_of_a_place)
        if not right:
            return [self.integrate(frame) for frame in frames]
        added = zip(shown, counts, by_quarter, strict=False)  # fewer than FOUR may be shown
        return self._frame_sums(
            shown, [self._with_left(one, of_bins, of_quarters, left) for one, of_bins, of_quarters in added]
        )

    def _comparable(self, frame: npt.NDArray) -> _Shown:
        """A frame as it was read, nothing left out yet but what the detector says."""
        if frame.shape != self.shape:
            raise ShapeError(
                f"frame has shape {frame.shape}: the geometry is for {self.shape}; give the one of this detector"
            )
        pixels, stated, negative_from = comparable(frame, self.saturation)
        return _Shown(pixels, stated, negative_from, stated, 0)

    def _looked_through(self, frames: list[_Shown]) -> list[_Shown]:
        """`_shown` of up to FOUR frames of one data type."""
        pixels, limits = _four([one.pixels for one in frames]), _four([one.limit for one in frames])
        found = looked_through(pixels, limits, frames[0].negative_from, self._parts.sample, self._clipping.bright)
        usual = [parts == 0 and not ends_there(top, alike) for parts, top, alike in found.tolist()]
        return [one if nothing else self._shown(one) for one, nothing in zip(frames, usual, strict=False)]

    def _shown(self, frame: _Shown) -> _Shown:
        """A frame as it is added up: stopped parts at the limit, the limit where its counts are clipped."""
        pixels, stated, negative_from = frame.pixels, frame.stated, frame.negative_from
        stopped = self._parts.stopped(pixels, negative_from)
        gone = 0
        if stopped.any():
            pixels, where = self._parts.without(pixels, stated, stopped)
            gone = where.size
        return _Shown(pixels, self._clipping.limit(pixels, stated), negative_from, stated, gone)

    def _frame_sums(self, shown: Sequence[_Shown], sums: Sequence[PixelSums]) -> list[FrameSums]:
        quarters = [
            found.quarters or self._sectors.sums(one.pixels, one.limit) for one, found in zip(shown, sums, strict=True)
        ]
        sectors = self._sectors.measure(quarters)
        return [self._one_frame(*each) for each in zip(shown, sums, sectors, strict=True)]

    def _one_frame(self, shown: _Shown, sums: PixelSums, sectors: FloatArray) -> FrameSums:
        norm = np.where(sums.lost_pixels == self.pixels_per_bin, 0.0, self.norm - sums.lost_weight)
        counts = sums.counts
        if shown.limit < shown.stated:
            spoilt = self._clipping.spoilt(shown.pixels, shown.limit, shown.stated)
            counts, norm = np.where(spoilt, 0, counts), np.where(spoilt, 0.0, norm)
        return FrameSums(counts, norm, sums.negative, sums.saturated - shown.gone, shown.gone, sectors)

    def quarters(self, frame: npt.NDArray) -> Quarters | None:
        """What the four quarters of a frame (y, x) say against each other, as `Sectors.compare` has it."""
        pixels, limit, _ = comparable(frame, self.saturation)
        return self._sectors.compare(self._sectors.sums(pixels, self._clipping.limit(pixels, limit)))

    def sum_pixels(
        self, pixels: npt.NDArray[np.unsignedinteger], limit: np.unsignedinteger, negative_from: int
    ) -> PixelSums:
        """The used pixels of a frame, flat, as `comparable` has it with its limit, added up bin by bin."""
        sums = self._empty()
        return self._by_bin(sums, *sum_counts(pixels, limit, negative_from, self._used, sums))

    def _with_left(
        self, shown: _Shown, counts: npt.NDArray[np.int64], by_quarter: FloatArray, left: npt.NDArray[np.int64]
    ) -> PixelSums:
        """Sums (bins,) and (bins, 4) of a frame, with the blocks that are `left`."""
        if not left.size:
            none = np.zeros(self.bins, dtype=np.int64), np.zeros(self.bins)
            return PixelSums(counts, *none, 0, 0, QuarterSums(by_quarter, self._sectors.whole))
        sums = self._empty()
        rest = self._by_bin(sums, *sum_left(shown.pixels, shown.limit, shown.negative_from, self._used, left, sums))
        assert rest.quarters is not None
        quarters = QuarterSums(by_quarter + rest.quarters.counts, rest.quarters.weight)
        return rest._replace(counts=counts + rest.counts, quarters=quarters)

    def _empty(self) -> Sums:
        places = self.bins * PLACES
        return Sums(np.zeros(places, dtype=np.int64), np.zeros(places, dtype=np.int64), np.zeros(places))

    def _by_bin(self, sums: Sums, negative: int, saturated: int) -> PixelSums:
        whole, gone, less, by_quarter, less_by_quarter = by_bin(sums)
        quarters = QuarterSums(by_quarter, self._sectors.whole - less_by_quarter)
        return PixelSums(whole, gone, less, int(negative), int(saturated), quarters)


def _blocks(
    pixel: npt.NDArray[np.intp],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """start, length and first (blocks,) of `Used` from the flat index of the used pixels: blocks of BLOCK at most."""
    begins = np.flatnonzero(np.diff(pixel, prepend=-2) != 1)
    length = np.diff(begins, append=pixel.size)
    parts = -(-length // BLOCK)
    within = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
    first = np.repeat(begins, parts) + BLOCK * within
    return pixel[first], np.minimum(np.repeat(length, parts) - BLOCK * within, BLOCK), first


def _four(some: list[T]) -> tuple[T, T, T, T]:
    """One to FOUR, the last of them again where some are missing."""
    one, two, three, four = (*some, *[some[-1]] * (FOUR - len(some)))
    return one, two, three, four


PixelSum = Callable[[npt.NDArray[np.unsignedinteger], np.unsignedinteger, int], PixelSums]
"""(pixels, limit, negative_from), as `comparable` has them -> sums."""


def comparable(
    frame: npt.NDArray, saturation: float | None = None
) -> tuple[npt.NDArray[np.unsignedinteger], np.unsignedinteger, int]:
    """(flat uint16 or uint32, limit, negative_from): pixels at and above `limit` are left out of the frame.

    int32 is read as uint32, where negative values come out at 2^31 = `negative_from` and above. Other integers are
    clipped to int32: what is clipped is left out either way. Raises InputFileError where there are no integers.
    """
    if frame.dtype.kind not in "iu":
        raise bad_value(
            InputFileError,
            where="frame",
            field="data type",
            value=frame.dtype,
            rule="must hold integer counts, because their variance is the counts themselves",
            remedy="give the detector's raw frames, not corrected ones",
        )
    unsigned, size = frame.dtype.kind == "u", frame.dtype.itemsize
    largest = int(np.iinfo(frame.dtype).max) - unsigned
    if saturation is not None:
        largest = min(int(np.ceil(saturation)), largest)
    if unsigned and size <= 2:
        return _flat(frame, np.uint16), np.uint16(largest), 2**16
    if unsigned and size == 4:
        return _flat(frame, np.uint32), np.uint32(largest), 2**32
    if size == 8:
        frame = np.minimum(frame, 2**31 - 1) if unsigned else np.clip(frame, -1, 2**31 - 1)
    return _flat(frame, np.int32).view(np.uint32), np.uint32(min(largest, 2**31 - 1)), 2**31


def _flat(frame: npt.NDArray, dtype: type[np.integer]) -> npt.NDArray:
    """Contiguous, aligned and read-only, whatever it came from, so that the kernel is compiled once per data type."""
    flat = np.require(frame, dtype=dtype, requirements=["C", "A"]).reshape(-1).view()
    flat.flags.writeable = False
    return flat
