"""Rows of spots.csv, reflections.csv and images.csv, and what assignment.json holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...grazing.expected import Expected, incidence_of, moved
from ...grazing.indexing import Indexed
from ...grazing.likelihood import DETECTED_AT
from ...grazing.spots import replaced
from ...nouns import FloatArray
from ...nouns.film import NO_LATTICE, Orientation, Reflection, Spot
from .first_study import FilmStudy
from .inputs import FilmInputs

SPOT_COLUMNS = (
    "image", "column", "column_sigma", "row", "row_sigma", "intensity", "intensity_sigma", "signal_to_noise",
    "q_parallel_per_nm", "q_parallel_per_nm_sigma", "q_z_per_nm", "q_z_per_nm_sigma", "h", "k", "l", "channel", "variant",
    "residual_parallel_per_nm", "residual_z_per_nm", "status",
)  # fmt: skip
REFLECTION_COLUMNS = (
    "image", "h", "k", "l", "channel", "variant", "column", "row", "q_parallel_per_nm", "q_z_per_nm", "status",
    "expected_signal_to_noise",
)  # fmt: skip
IMAGE_COLUMNS = (
    "image", "stated_incidence_angle_deg", "incidence_angle_deg", "incidence_angle_deg_sigma", "spots_found",
    "spots_indexed", "spots_reflected_beam", "orientation_alone", "lattice_constant_alone_nm",
    "lattice_constant_alone_nm_sigma", "contraction_alone", "contraction_alone_sigma",
)  # fmt: skip


def final_spots(study: FilmStudy) -> list[Spot]:
    """All spots with q of the refined constants; those of an image follow each other, taking part first."""
    made: list[Spot] = []
    for image in range(len(study.prepared)):
        plane = moved(study.setup.plane, study.constants)
        incidence = incidence_of(study.constants, image, study.setup.film)
        here = replaced([s for s in study.spots if s.image == image], plane, incidence)
        made += [s for s in here if not s.excluded] + [s for s in here if s.excluded]
    return made


def reflections(study: FilmStudy) -> list[Reflection]:
    """Every reflection expected on the images, of each orientation; `spot` counts in the list of `final_spots`."""
    return [mark for found in study.all_indexed for mark in _reflections_of(study, found)]


def _reflections_of(study: FilmStudy, found: Indexed) -> list[Reflection]:
    made: list[Reflection] = []
    before = 0
    for image, (expected, matches, explained) in enumerate(
        zip(found.expected, found.found, found.explained, strict=True)
    ):
        spot_of = {int(reflection): int(spot) for spot, reflection in enumerate(matches) if reflection >= 0}
        for i in range(len(expected)):
            spot = spot_of.get(i)
            made.append(
                _reflection(
                    found, image, expected, i, float(explained.signal[i]), None if spot is None else before + spot
                )
            )
        before += sum(s.image == image for s in study.spots)
    return made


def _reflection(
    indexed: Indexed, image: int, expected: Expected, i: int, signal: float, spot: int | None
) -> Reflection:
    constants = indexed.refined.constants
    unit = 2.0 * np.pi / constants.a
    status = "found" if spot is not None else str(expected.status[i]).replace("taken", "found")
    if not status:
        status = "not found" if signal >= DETECTED_AT else "below the noise"
    h, k, index_l = (int(x) for x in expected.hkl[i])
    return Reflection(
        image=image, hkl=(h, k, index_l), channel="R" if expected.reflected[i] else "T",
        variant=indexed.orientation.plane, row=float(expected.row[i]), column=float(expected.column[i]),
        q_parallel=float(unit * expected.parallel[i]),
        q_z=float(unit * expected.normal[i] / (1.0 - constants.contraction)), expected_signal_to_noise=signal,
        status=status, spot=spot,
    )  # fmt: skip


def residuals(study: FilmStudy, spots: Sequence[Spot], expected: Sequence[Reflection]) -> tuple[FloatArray, list[str]]:
    """Found minus expected (q_parallel, q_z) of each spot (n, 2), NaN where it has no reflection; and its channel, or ""."""
    off, channel = np.full((len(spots), 2), np.nan), [""] * len(spots)
    for mark in expected:
        if mark.spot is None:
            continue
        spot = spots[mark.spot]
        off[mark.spot] = spot.q_parallel - mark.q_parallel, _q_z_of_channel(study, spot, mark.channel) - mark.q_z
        channel[mark.spot] = mark.channel
    return off, channel


def _q_z_of_channel(study: FilmStudy, spot: Spot, channel: str) -> float:
    """q_z (1/nm) of a spot as one of the direct or of the reflected beam: they differ by 2 k s_i'."""
    inner = incidence_of(study.constants, spot.image, study.setup.film).sine_inside
    return spot.q_z - (2.0 * study.setup.plane.wavenumber * inner if channel == "R" else 0.0)


def spot_rows(
    inputs: FilmInputs, study: FilmStudy, spots: Sequence[Spot], expected: Sequence[Reflection]
) -> list[list[str]]:
    """One row per spot that was found."""
    off, channel = residuals(study, spots, expected)
    mark_of = {mark.spot: mark for mark in expected if mark.spot is not None}
    rows = []
    for i, spot in enumerate(spots):
        mark = mark_of.get(i)
        sigma = np.sqrt(np.diag(spot.covariance))
        values = [
            spot.column, sigma[1], spot.row, sigma[0], spot.intensity, spot.intensity_sigma, spot.signal_to_noise,
            spot.q_parallel, spot.q_sigma[0], _q_z_of_channel(study, spot, channel[i]), spot.q_sigma[1],
        ]  # fmt: skip
        indices = ["", "", ""] if mark is None else [str(n) for n in mark.hkl]
        status = f"excluded: {spot.excluded}" if spot.excluded else "unexplained" if mark is None else "indexed"
        rows.append([
            inputs.names[spot.image], *(cell(float(v)) for v in values), *indices, channel[i],
            "" if mark is None else mark.variant, cell(off[i, 0]), cell(off[i, 1]), status,
        ])  # fmt: skip
    return rows


def reflection_rows(inputs: FilmInputs, expected: Sequence[Reflection]) -> list[list[str]]:
    """One row per reflection expected on the detector."""
    return [
        [
            inputs.names[mark.image], *(str(n) for n in mark.hkl), mark.channel, mark.variant, cell(mark.column),
            cell(mark.row), cell(mark.q_parallel), cell(mark.q_z), mark.status, f"{mark.expected_signal_to_noise:.3g}",
        ]
        for mark in expected
    ]  # fmt: skip


def image_rows(
    inputs: FilmInputs, study: FilmStudy, spots: Sequence[Spot], expected: Sequence[Reflection]
) -> list[list[str]]:
    """One row per image."""
    rows = []
    for image, angle in enumerate(inputs.angles_deg):
        sigma = None if study.indexed is None else study.indexed.refined.sigma(f"incidence {image}")
        found = [m.channel for m in expected if m.image == image and m.spot is not None]
        rows.append([
            inputs.names[image], cell(angle), cell(float(np.degrees(study.constants.incidence[image]))),
            "" if sigma is None else cell(float(np.degrees(sigma))),
            str(sum(s.image == image and not s.excluded for s in spots)), str(found.count("T")), str(found.count("R")),
            *_told_alone(study, image),
        ])  # fmt: skip
    return rows


def _told_alone(study: FilmStudy, image: int) -> list[str]:
    """Orientation and constants of one of several images by itself."""
    one = study.alone[image] if study.alone else None
    if one is None:
        return ["none" if study.alone else "", "", "", "", ""]
    c = one.refined.constants
    told = c.a, one.refined.sigma("a") or np.nan, c.contraction, one.refined.sigma("contraction") or np.nan
    return [one.orientation.name, *(cell(float(x)) for x in told)]


def assignment_record(study: FilmStudy, notes: Sequence[str]) -> dict[str, Any]:
    """assignment.json (docs/how-to/gisaxs.md)."""
    made = study.assignment
    orientation = made.orientation
    return {
        "lattice": NO_LATTICE if orientation is None else orientation.lattice,
        "normal": _normal(orientation),
        "texture": None if orientation is None else orientation.texture,
        "score": made.score,
        "runner_up": {
            "lattice": NO_LATTICE if made.runner_up is None else made.runner_up.lattice,
            "normal": _normal(made.runner_up),
            "score": made.runner_up_score,
        },
        "second": _second(study),
        "probabilities": dict(made.probabilities),
        "notes": list(notes),
    }


def _second(study: FilmStudy) -> dict[str, Any] | None:
    """The second orientation, None where there is none."""
    if study.second is None:
        return None
    found = study.second.indexed
    constants = found.refined.constants
    return {
        "lattice": found.orientation.lattice,
        "normal": _normal(found.orientation),
        "share": study.second.share,
        "share_sigma": study.second.share_sigma,
        "lattice_constant_dried": constants.a,
        "lattice_constant_dried_sigma": found.refined.sigma("a"),
        "contraction_along_normal": constants.contraction,
        "contraction_along_normal_sigma": found.refined.sigma("contraction"),
        "spots_indexed": found.matches,
        "score": found.score,
    }


def _normal(orientation: Orientation | None) -> list[int] | None:
    return None if orientation is None or orientation.normal is None else list(orientation.normal)


def cell(value: float) -> str:
    """Seven digits; empty for what is not known."""
    return f"{value:.7g}" if np.isfinite(value) else ""
