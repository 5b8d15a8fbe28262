"""What a frame that contradicts itself says of the cause, in words for frames.csv."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FITS = 4.0
"""Sigmas within which a measure is what the neighbours in height and time say."""
LEAST_OFF = 2.5
"""Sigmas that one must be off before the other may be called near by comparison."""
MUCH_NEARER = 0.35
"""Of the one measure's distance to the neighbours: within it the other is theirs."""

ALIKE = 3.0
"""Sigmas of its own within which a frame that is out does not contradict itself."""


@dataclass(frozen=True)
class Contradiction:
    """Of one frame. scattering, light: ln phi by scattering and by transmission over what its neighbours say, sigma of the
    latter; light is minus infinity where more light passes than without particles. significance: of the contradiction, sigmas.
    missing: share of the solvent that the curve lacks and how many sigmas that is, 0 where it is not told. darker: less light
    passes than the frame's own phi lets, which no gas does; brighter: more does, as with gas, or it does not tell.
    """

    scattering: float
    light: float
    sigma: float
    significance: float
    missing: tuple[float, float] = (0.0, 0.0)
    darker: bool = False
    brighter: bool = True

    @property
    def ratio(self) -> float:
        """phi by scattering over phi by absorption."""
        return float(np.exp(self.scattering - self.light))

    @property
    def light_fits(self) -> bool:
        """Whether the transmission is that of the neighbours, and the scattering is not."""
        return self._fits(self.light, self.scattering)

    @property
    def of_monitor(self) -> bool:
        """Whether it was the monitor that was read wrong."""
        return (self.light_fits and self.significance >= ALIKE) or (self.missing[0] > 0.0 and self.darker)

    @property
    def scattering_fits(self) -> bool:
        """Whether the scattering is that of the neighbours, and the transmission is not."""
        return self._fits(self.scattering, self.light)

    def _fits(self, one: float, other: float) -> bool:
        near = abs(one) < FITS * self.sigma and abs(other) > FITS * self.sigma
        return near or (abs(one) < MUCH_NEARER * abs(other) and abs(other) > LEAST_OFF * self.sigma)


def cause(c: Contradiction) -> str:
    """One line: what disagrees, by how many sigmas, and what it points to."""
    sigmas = f"{min(c.significance, 999.0):.0f} sigma"
    share, clear = c.missing
    if c.light_fits and c.significance >= ALIKE:
        return (
            f"phi is {c.ratio:.3g} times what its transmission says ({sigmas}): the scattering moved and the transmission did"
            " not, the monitor was read wrong"
        )
    if share > 0.0 and c.darker:
        return (
            f"phi is {c.ratio:.3g} times what its transmission says ({sigmas}): {100.0 * share:.2g} % of the solvent is missing"
            " from the curve and no more light passes, the monitor was read wrong"
        )
    if share > 0.0:
        said = f"{min(clear, 999.0):.0f} sigma"
        who = "gas in the beam" if c.brighter else "gas in the beam, or a monitor read too high"
        return f"{who}: {100.0 * share:.2g} % of the solvent is missing from the curve ({said})"
    if c.significance < ALIKE:
        return (
            f"phi is {c.ratio:.3g} times what its transmission says ({sigmas}), which is no contradiction, but with this frame"
            " those beside it contradict themselves: it cannot be told which of them is wrong"
        )
    if c.light < 0.0:
        return (
            f"phi and transmission contradict each other ({sigmas}): more light passes than phi lets, something else than the"
            " solution is in the beam (gas, a moved cell), or the transmission was read wrong"
        )
    if c.scattering_fits:
        return (
            f"phi is {c.ratio:.3g} times what its transmission says ({sigmas}): less light passes than phi lets, something else"
            " than the solution is in the beam, or the transmission was read wrong"
        )
    return (
        f"phi is {c.ratio:.3g} times what its transmission says ({sigmas}): something else than the solution is in the beam, or"
        " monitor or transmission were read wrong"
    )
