"""A run whose sample frames are measured: what every step after the sphere fits takes, and what most of them give back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...analysis.kinetics.scan_map import ScanMap, scan_map
from ...nouns import FloatArray, Role, Run, SampleIntensity
from ..progress import Progress
from .reduce_run import ReducedRun
from .standards import Standards, alone_intensity, sample_intensity
from .voxels import OF_A_PASS, Voxels, fitted_blocks, measure, on_map

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class MeasuredRun:
    """What was reduced, what its frames are measured against, and a voxel of each sample frame. height_um (frame,): of the
    beam centre above the anode, NaN for a frame that has no place in the map; None: not asked for yet."""

    reduced: ReducedRun
    standard: Standards
    voxels: Voxels
    height_um: FloatArray | None = None

    @classmethod
    def of(
        cls, reduced: ReducedRun, standard: Standards, *, workers: int = 2, progress: Progress | None = None
    ) -> MeasuredRun:
        """All sample frames that are usable, fitted with spheres."""
        blank = cls(reduced, standard, Voxels.empty(np.flatnonzero(reduced.table.is_role(Role.SAMPLE))))
        return blank.again(reduced, standard, workers=workers, progress=progress)

    def again(
        self, reduced: ReducedRun, standard: Standards, rows: Rows | None = None, *, workers: int = 2,
        progress: Progress | None = None,
    ) -> MeasuredRun:  # fmt: skip
        """The voxels of `rows`, by default of all, measured anew in `reduced` against `standard`; the others stay."""
        frames = self.voxels.frame if rows is None else self.voxels.frame[rows]
        blocks = fitted_blocks(reduced, standard, frames, workers=workers, progress=progress)
        parts = [measure(block.frames, block.sample, block.fit, reduced=reduced, standard=standard) for block in blocks]
        before, starting = self.standard.starting.shared, standard.starting
        of_passes = {name: before[name] for name in OF_A_PASS if name in before} | starting.shared
        standard = replace(standard, starting=replace(starting, shared=of_passes))
        return replace(self, reduced=reduced, standard=standard, voxels=self.voxels.replaced(parts))

    def without(self, reasons: Mapping[int, str]) -> MeasuredRun:
        """The same with frames left out; reasons: row of the voxels -> why, which their flags then say."""
        flags = list(self.reduced.flags)
        for row, words in reasons.items():
            frame = self.voxels.frame[row]
            flags[frame] = (*flags[frame], words)
        return replace(self, reduced=replace(self.reduced, flags=tuple(flags)))

    def noted(self, *notes: str) -> MeasuredRun:
        """The same with more to say of it."""
        return replace(self, reduced=replace(self.reduced, notes=(*self.reduced.notes, *notes)))

    @property
    def run(self) -> Run:
        """What its file says of it."""
        return self.reduced.run

    @cached_property
    def grid(self) -> ScanMap:
        """Scan and height of each voxel; frames that are left out leave a hole."""
        assert self.height_um is not None  # `find_anode` comes first
        frames = self.voxels.frame
        return scan_map(self.height_um, self.reduced.table.time[frames], self.reduced.usable[frames])

    def on_map(self, column: str) -> FloatArray:
        """A column of the voxels over (scan, height)."""
        return on_map(self.voxels, self.grid, column)

    def curves(self, rows: Rows) -> SampleIntensity:
        """Normalised curves (row, q) of some voxels, less the solvent."""
        return sample_intensity(self.reduced, self.standard, self.voxels.frame[rows])

    def curves_alone(self, rows: Rows) -> SampleIntensity:
        """`curves` as the particles would scatter each alone."""
        return alone_intensity(self.reduced, self.standard, self.voxels.frame[rows])
