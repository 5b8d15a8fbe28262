"""Found islands against known ones: instance labels, or a table of outlines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from shapely.geometry import MultiPoint, Polygon, box
from shapely.validation import make_valid

from ...errors import InputFileError, bad_value
from ...io.island_files import read_outlines
from ...io.micrograph import read_labels
from ...nouns import FloatArray
from ...nouns.islands import FieldOfView

IOU = 0.5  # intersection over union from which an island found is the one known
SMALLEST = 12.0  # px^2
SQRT3 = float(np.sqrt(3.0))


def score(views: Sequence[FieldOfView], truths: Sequence[Path]) -> dict[str, Any]:
    """count_error (relative), recall, precision at IoU 0.5, edge_error_um; over all images.

    Of a table of outlines those count whose centre lies in the area used, as of what was found; of labels, of which nobody
    knows where the centre of a cut one lies, all do, and so does all that was found.
    """
    known = _known(views, truths)
    found_number = known_number = recalled = right = 0
    errors: list[float] = []
    for view in views:
        left, top, width, height = view.used
        frame = box(left - 0.5, top - 0.5, left + width - 0.5, top + height - 0.5)
        found = [(i, make_valid(Polygon(i.outline)).intersection(frame)) for i in view.found]
        found = [(i, shape) for i, shape in found if shape.area > SMALLEST]
        true = [(one, one.shape.intersection(frame)) for one in known[view.name]]
        true = [(one, shape) for one, shape in true if shape.area > SMALLEST]
        by_centre = any(one.by_centre for one, _ in true)
        counted_found = [i.counts or not by_centre for i, _ in found]
        counted_true = [not one.by_centre or frame.covers(one.shape.centroid) for one, _ in true]
        overlap = np.array([[_iou(shape, other) for _, shape in found] for _, other in true])
        overlap = overlap.reshape(len(true), len(found))
        for a, b in zip(*linear_sum_assignment(-overlap), strict=True):
            if overlap[a, b] >= IOU:
                recalled += counted_true[a]
                right += counted_found[b]
                if not found[b][0].border and frame.buffer(-1.0).contains(true[a][1]):
                    errors.append((found[b][0].edge - _edge(true[a][1])) * view.scale.length)
        found_number += sum(counted_found)
        known_number += sum(counted_true)
    return {
        "count_error": (found_number - known_number) / known_number if known_number else None,
        "recall": recalled / known_number if known_number else None,
        "precision": right / found_number if found_number else None,
        "edge_error_um": float(np.mean(errors)) if errors else None,
        "edge_error_rms_um": float(np.sqrt(np.mean(np.square(errors)))) if errors else None,
        "length_unit": views[0].scale.unit,
        "found": found_number,
        "known": known_number,
    }


@dataclass(frozen=True, eq=False)
class _Known:
    """A known island: its outline, and whether it is whole also beyond the frame, so that its centre is known."""

    shape: Any
    by_centre: bool


def _known(views: Sequence[FieldOfView], truths: Sequence[Path]) -> Mapping[str, list[_Known]]:
    """Outlines of each image, by its name."""
    known: dict[str, list[_Known]] = {view.name: [] for view in views}
    if len(truths) == 1 and truths[0].suffix.lower() == ".csv":
        for image, corners in read_outlines(truths[0]):
            name = Path(image).stem if image else views[0].name
            if name not in known and len(views) > 1:
                raise _wrong(truths[0], image, "names an image that was not given")
            known[name if name in known else views[0].name].append(_outlined(corners))
        return known
    if len(truths) != len(views):
        raise _wrong(truths[0], len(truths), f"{len(views)} images need as many truths, in their order, or one CSV")
    for view, path in zip(views, truths, strict=True):
        if path.suffix.lower() == ".csv":
            known[view.name] = [_outlined(corners) for _, corners in read_outlines(path)]
            continue
        labels = read_labels(path)
        if labels.shape != view.shape:
            raise _wrong(path, labels.shape, f"the labels must have the image's {view.shape} rows and columns")
        known[view.name] = [
            _Known(_hull(np.argwhere(labels == k).astype(np.float64)), False) for k in np.unique(labels) if k
        ]
    return known


def _outlined(corners: FloatArray) -> _Known:
    return _Known(make_valid(Polygon(corners)), True)


def _wrong(path: Path, value: object, rule: str) -> Exception:
    return bad_value(
        InputFileError, where=path, field="--truth", value=value, rule=rule, remedy="give one truth for each image"
    )


def _hull(pixels: FloatArray) -> Any:
    """The convex outline of labelled pixels (row, column), which are those whose centre lies in an island: islands are convex,
    and along a side some centres lie as good as on it."""
    return MultiPoint([(c, r) for r, c in pixels]).convex_hull


def _edge(shape: Any) -> float:
    """Edge of the triangle around a shape that is the smallest: for a sharp one its side, with cut tips the side before
    that: from the smallest enclosing triangle over rotations, L = 2 sqrt(3) r with r the mean support."""
    points = np.asarray(shape.convex_hull.exterior.coords)
    angles = np.radians(np.arange(0.0, 120.0, 0.5))[:, None] + np.radians(120.0) * np.arange(3)
    support = np.max(np.cos(angles)[..., None] * points[:, 0] + np.sin(angles)[..., None] * points[:, 1], axis=2)
    return float(2.0 / SQRT3 * support.sum(axis=1).min())


def _iou(one: Any, other: Any) -> float:
    if not one.intersects(other):
        return 0.0
    shared = one.intersection(other).area
    return float(shared / (one.area + other.area - shared))
