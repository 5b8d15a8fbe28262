"""From directions to q of a film and back, exactly: no small angles, refraction at the film's surface.

Directions are unit vectors (beam, up, right). Sample frame: the film's normal n is `up` tilted back by the angle of
incidence, so that beam . n = -sin(incidence). q = k (s - beam), s the direction of the scattered ray: q_parallel is its
part in the surface, signed by the side; q_z = k (s_f' +- s_i') along n inside the film, + for the beam that comes straight
from the source ("T"), - for the one that the substrate has reflected ("R"), s' the sines inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..nouns.base import FloatArray
from .refraction import Index, illuminated_share, share_from_below, sine_inside, sine_outside, wave_field


@dataclass(frozen=True)
class Incidence:
    """How the beam meets the film: angle (rad) between beam and surface, and the film's refractive index."""

    angle: float
    film: Index

    @cached_property
    def sine_inside(self) -> float:
        """k_z / k of the incoming beam inside the film."""
        return float(sine_inside(np.sin(self.angle), self.film))


def parallel_and_exit(
    direction: FloatArray, *, wavenumber: float, incidence: Incidence
) -> tuple[FloatArray, FloatArray]:
    """(q_parallel in 1/nm, signed by the side, and sine of the exit angle) of rays, directions (..., 3)."""
    beam, up, right = np.moveaxis(direction, -1, 0)
    sin_i, cos_i = np.sin(incidence.angle), np.cos(incidence.angle)
    exit_sine = cos_i * up - sin_i * beam
    forward = cos_i * beam + sin_i * up
    q_parallel = wavenumber * np.hypot(forward - cos_i, right)
    return np.where(right < 0.0, -q_parallel, q_parallel), exit_sine


def q_along_normal(
    exit_sine: npt.ArrayLike, *, wavenumber: float, incidence: Incidence, reflected: npt.ArrayLike
) -> FloatArray:
    """q_z inside the film (1/nm) of the direct or the reflected beam; NaN below the horizon."""
    sine = np.asarray(exit_sine, dtype=np.float64)
    incoming = np.where(reflected, -incidence.sine_inside, incidence.sine_inside)
    q = wavenumber * (sine_inside(sine, incidence.film) + incoming)
    return np.asarray(np.where(sine > 0.0, q, np.nan))


def ray_of_reflection(
    q_parallel: npt.ArrayLike,
    q_z: npt.ArrayLike,
    reflected: npt.ArrayLike,
    *,
    wavenumber: float,
    incidence: Incidence,
) -> FloatArray:
    """Direction (..., 3) in which a film with an in-plane powder scatters (q_parallel, q_z); NaN where no ray does.

    |k_f - k_i|^2 in the surface gives the turn: cos_f^2 + cos_i^2 - 2 cos_f cos_i cos(turn) = (q_parallel / k)^2.
    """
    inner = np.where(reflected, -incidence.sine_inside, incidence.sine_inside)
    exit_sine = sine_outside(np.asarray(q_z, dtype=np.float64) / wavenumber - inner, incidence.film)
    sin_i, cos_i = np.sin(incidence.angle), np.cos(incidence.angle)
    p = np.asarray(q_parallel, dtype=np.float64) / wavenumber
    with np.errstate(invalid="ignore"):
        cos_f_squared = 1.0 - np.square(exit_sine)
        forward = (cos_f_squared + cos_i**2 - np.square(p)) / (2.0 * cos_i)
        right = np.where(p < 0.0, -1.0, 1.0) * np.sqrt(cos_f_squared - np.square(forward))
    return np.stack([forward * cos_i - exit_sine * sin_i, forward * sin_i + exit_sine * cos_i, right], axis=-1)


def channel_fields(
    exit_sine: FloatArray, incidence: Incidence, substrate: Index, *, thickness_k: float
) -> tuple[FloatArray, FloatArray]:
    """(direct, reflected) intensities with which rays of these exit angles leave the film, |T_i T_f|^2 and |R_i T_f|^2 +
    |T_i R_f|^2, means over the depth, each wave as strong as absorption leaves it there."""
    incoming = wave_field(np.sin(incidence.angle), incidence.film, substrate, thickness_k=thickness_k)
    outgoing = wave_field(exit_sine, incidence.film, substrate, thickness_k=thickness_k)
    direct = incoming.down * outgoing.down * illuminated_share(incoming.decay + outgoing.decay, thickness_k)
    from_below = share_from_below(incoming.decay, outgoing.decay, thickness_k)
    return np.asarray(direct), np.asarray((incoming.up * outgoing.down + incoming.down * outgoing.up) * from_below)
