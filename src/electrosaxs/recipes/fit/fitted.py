"""What a fit of the cell gave, as one noun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...inference.compare import Comparison
from ...inference.fit import CellFit
from ...inference.identifiability import Knowledge
from ...inference.profile import Profile
from ...inference.propagate import WallConcentration
from ...nouns import Number, RunResults


@dataclass(frozen=True, eq=False)
class FittedCell:
    """All that a fit gave. measured: the runs as they were analysed; walls: one per run.

    profiles: of every shared free parameter whose likelihood could be followed.
    """

    fit: CellFit = field(repr=False)
    comparison: Comparison = field(repr=False)
    knowledge: Knowledge = field(repr=False)
    profiles: Mapping[str, Profile] = field(repr=False)
    walls: tuple[WallConcentration, ...] = field(repr=False)
    measured: tuple[RunResults, ...]
    statements: tuple[str, ...]
    numbers: Mapping[str, Number]
