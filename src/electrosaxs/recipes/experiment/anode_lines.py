"""Lines of a superlattice in single frames of a beam that touches the anode, while a run goes on.

They tell of crystals sooner than the solution that those take up: docs/decisions/0052.
"""

from __future__ import annotations

from ...analysis.crystals.frame_fits import MISSED, amplitude_significance, fit_and_judge
from ...analysis.crystals.lattice_choice import study_curve
from ...analysis.crystals.lattice_fit import LatticeFit
from ...analysis.crystals.weighted_curve import WeightedCurve, curve_of_frame
from ...errors import FitError
from ...nouns import SampleIntensity

CLEARER = 2.0
"""So many times the significance at which the lattice was chosen, it is chosen again."""


class AnodeLines:
    """The lattice is chosen in the first frame that shows one, and again where one shows it far better; every frame is fitted
    with it near that shape."""

    def __init__(self) -> None:
        self._lattice: LatticeFit | None = None
        self._chosen_at = 0.0

    def shown(self, sample: SampleIntensity) -> LatticeFit | None:
        """Solution and crystals fitted together, `fraction` the share of the particles in the beam that are in crystals; None
        where no lines are seen beyond doubt.

        `sample`: one frame, dims (frame, q).
        """
        try:
            curve = curve_of_frame(sample, 0)
        except FitError:
            return None
        if self._lattice is None:
            self._choose(curve)
        if self._lattice is None:
            return None
        found, seen = fit_and_judge(curve, self._lattice)
        shown = amplitude_significance(found)
        if not (seen and shown > MISSED):
            return None
        if shown > CLEARER * self._chosen_at:
            if self._chosen_at > 0.0:
                self._choose(curve)
            self._chosen_at = shown
        return found

    def _choose(self, curve: WeightedCurve) -> None:
        """The likeliest lattice of this curve; the one before where it shows none."""
        self._lattice = study_curve(curve).likeliest or self._lattice
