"""The reflections that an oriented lattice should show on an image, of both channels and on both sides, and their matches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from ..nouns.base import FloatArray
from ..nouns.film import FilmConstants, Orientation, Spot
from ..physics.film_frame import Incidence, channel_fields
from ..physics.film_reflections import film_reflections
from ..physics.refraction import FilmMedium, Index
from .geometry import DetectorPlane, film_coordinates, place_of_reflection
from .surroundings import Surroundings

ON_ROD = 1e-6
MATCHED = 3.5  # standard deviations
BRIGHTEST_COPY = 1e3  # times what is expected: neither substrate nor roughness makes up for that
WITHIN = 2.0  # widths of a spot: reflections nearer than this are a part of it
TAKEN = 12.0  # pixels: reflections so near to a spot with another cause could not be told from it


@dataclass(frozen=True, eq=False)
class Setup:
    """What does not change while constants are refined: the detector, what the film is made of, the substrate, thickness x k,
    and how far in |G| (1/nm) reflections are of interest."""

    plane: DetectorPlane
    film: FilmMedium
    substrate: Index
    thickness_k: float
    reach: float


@dataclass(frozen=True, eq=False)
class Expected:
    """Reflections on one image, arrays of one length. hkl (n, 3); parallel (signed by the side), normal: in 2 pi / a of the
    unstrained cell; reflected: True for the channel "R"; row, column; q: |G| in 1/nm; weight: intensity but for form factor
    and displacement; status: "" where a spot could be seen."""

    hkl: npt.NDArray[np.int64]
    parallel: FloatArray
    normal: FloatArray
    reflected: npt.NDArray[np.bool_]
    row: FloatArray
    column: FloatArray
    q: FloatArray
    weight: FloatArray
    status: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return int(self.q.size)

    def some(self, chosen: npt.NDArray[np.bool_]) -> Expected:
        """Those that are chosen."""
        return Expected(**{name: values[chosen] for name, values in vars(self).items()})


def moved(plane: DetectorPlane, constants: FilmConstants) -> DetectorPlane:
    """The detector with the direct beam and the film's turn where the constants have them."""
    origin = plane.origin - constants.row_shift * plane.by_row - constants.column_shift * plane.by_column
    c, s = np.cos(constants.turn), np.sin(constants.turn)
    turn = np.array([[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]])
    return replace(plane, origin=turn @ origin, by_row=turn @ plane.by_row, by_column=turn @ plane.by_column)


def incidence_of(constants: FilmConstants, image: int, film: FilmMedium) -> Incidence:
    """How the beam meets the film in one of the images."""
    return Incidence(constants.incidence[image], film.at(constants.critical))


def places(
    setup: Setup,
    constants: FilmConstants,
    image: int,
    parallel: FloatArray,
    normal: FloatArray,
    reflected: npt.ArrayLike,
) -> tuple[FloatArray, FloatArray]:
    """Row and column of reflections given in 2 pi / a of the unstrained cell."""
    unit = 2.0 * np.pi / constants.a
    stretched = unit * normal / (1.0 - constants.contraction)
    plane, incidence = moved(setup.plane, constants), incidence_of(constants, image, setup.film)
    return place_of_reflection(plane, incidence, unit * parallel, stretched, reflected)


def expected_reflections(
    setup: Setup, orientation: Orientation, constants: FilmConstants, image: int, view: Surroundings
) -> Expected:
    """All reflections that fall on an image, rods at q_parallel = 0 left out."""
    assert orientation.normal is not None
    unit, stretch = 2.0 * np.pi / constants.a, 1.0 / (1.0 - constants.contraction)
    s_max = np.ceil(2.0 * setup.reach / unit * max(1.0, 1.0 / stretch)) / 2.0
    rings = film_reflections(orientation.lattice, orientation.normal, float(s_max))
    q = unit * np.hypot(rings.parallel, stretch * rings.normal)
    use = np.flatnonzero((rings.parallel > ON_ROD) & (q < setup.reach))
    index = np.tile(use, 4)
    side = np.repeat([1.0, -1.0, 1.0, -1.0], use.size)
    reflected = np.repeat([False, False, True, True], use.size)
    row, column = places(setup, constants, image, side * rings.parallel[index], rings.normal[index], reflected)
    status = view.status(row, column)
    on = (status != "off") & np.isfinite(row)
    index, side, reflected, row, column = index[on], side[on], reflected[on], row[on], column[on]
    plane, incidence = moved(setup.plane, constants), incidence_of(constants, image, setup.film)
    exit_sine = film_coordinates(plane, incidence, row, column)[1]
    direct, back = channel_fields(exit_sine, incidence, setup.substrate, thickness_k=setup.thickness_k)
    weight = rings.multiplicity[index] * rings.squared_amplitude[index] / (unit * rings.parallel[index])
    return Expected(
        rings.hkl[index], side * rings.parallel[index], rings.normal[index], reflected, row, column, q[index],
        weight * np.where(reflected, back, direct), status[on],
    )  # fmt: skip


def behind(expected: Expected, taken: FloatArray) -> Expected:
    """The same with those that fall on spots (n, 2) which have another cause told as "taken"."""
    if not taken.size:
        return expected
    apart = np.hypot(expected.row[:, None] - taken[:, 0], expected.column[:, None] - taken[:, 1]).min(axis=1)
    return replace(expected, status=np.where((expected.status == "") & (apart < TAKEN), "taken", expected.status))


def within_spots(expected: Expected, spots: Sequence[Spot]) -> npt.NDArray[np.bool_]:
    """Which reflections lie within one of the spots."""
    inside = np.zeros(len(expected), dtype=bool)
    for spot in spots:
        off = np.stack([expected.row - spot.row, expected.column - spot.column], axis=1)
        inside |= np.einsum("ni,ij,nj->n", off, np.linalg.inv(spot.shape), off) < WITHIN**2
    return inside


def in_blends(expected: Expected, blends: Sequence[Spot]) -> Expected:
    """The same with those that lie within spots of more than one reflection told as "in a blend"."""
    if not blends:
        return expected
    hidden = (expected.status == "") & within_spots(expected, blends)
    return replace(expected, status=np.where(hidden, "in a blend", expected.status))


def match(
    spots: list[Spot],
    expected: Expected,
    *,
    tolerance: float,
    relative: float,
    intensity: FloatArray,
    known: bool = False,
) -> npt.NDArray[np.int64]:
    """Index of the expected reflection of each spot, -1 where there is none; each reflection has one spot at most.

    A spot lies within `MATCHED` sigma, made of its own, `tolerance` (pixels) and `relative` times its distance from the
    direct beam's neighbourhood. intensity (reflections): between two that are equally near the brighter one is chosen.
    known: these are in the image's units, and spots are no copies of the reflected beam that outshine what it can make.
    """
    found = np.full(len(spots), -1, dtype=np.int64)
    if not spots or not len(expected):
        return found
    row, column = np.array([s.row for s in spots]), np.array([s.column for s in spots])
    own = np.array([np.trace(s.covariance) / 2.0 for s in spots])
    middle = np.mean(column)
    far = relative * np.hypot(expected.row - row.max(), expected.column - middle)
    variance = own[:, None] + tolerance**2 + np.square(far)
    apart = (np.square(row[:, None] - expected.row) + np.square(column[:, None] - expected.column)) / variance
    with np.errstate(divide="ignore"):
        cost = 0.5 * apart - np.log(np.maximum(intensity, 1e-30) / np.maximum(intensity.max(), 1e-30)).clip(-8.0, 0.0)
    far_off = apart > MATCHED**2
    if known:
        light = np.array([s.intensity for s in spots])
        above = expected.reflected & (
            expected.normal > ON_ROD
        )  # those in the plane shine in the Yoneda band all the same
        far_off |= above & (light[:, None] > BRIGHTEST_COPY * intensity)
    cost = np.where(far_off, 1e3, cost)
    for spot, reflection in zip(*linear_sum_assignment(cost), strict=True):
        if not far_off[spot, reflection]:
            found[spot] = reflection
    return found
