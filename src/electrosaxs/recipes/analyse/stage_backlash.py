"""The play of the stage: whether frames that it came to from above were taken where it said."""

from __future__ import annotations

from ...analysis.kinetics.backlash import backlash, came_from_above
from ...nouns import Number
from .measured_run import MeasuredRun
from .quality import OF_PHI, Doubt


def stage_play(measured: MeasuredRun) -> Number:
    """By how much (um) the beam is higher than said where the stage came from above; absent where both sides agree."""
    table, frames, grid = measured.reduced.table, measured.voxels.frame, measured.grid
    above = came_from_above(table.height[frames], table.time[frames])
    phi = measured.on_map("phi")
    relative = measured.on_map("phi_sigma") / abs(phi)
    return backlash(phi, relative, grid.heights, grid.time, grid.to_map(above) == 1.0)


def words_of_play(play: Number) -> tuple[str, ...]:
    """A note where there is any."""
    if play.value is None:
        return ()
    way = "higher" if play.value > 0.0 else "lower"
    return (
        f"heights: where the stage came from above the beam is {abs(play.value):.1f} +- {play.sigma:.1f} um {way} than said"
        f" ({play.source}); half of it is in the sigmas, heights are as said",
    )


def doubts_of_play(play: Number) -> list[Doubt]:
    """What it means for the numbers made of phi."""
    if play.value is None:
        return []
    why = f"up and down scans disagree as heights {abs(play.value):.1f} um apart do"
    return [Doubt(frozenset(OF_PHI), why)]
