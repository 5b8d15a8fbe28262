"""Found islands against known ones: instance labels, or a table of outlines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """count_error (relative), recall, precision at IoU 0.5, edge_error_um; over all images."""
    known = _known(views, truths)
    found_number = known_number = hits = 0
    errors: list[float] = []
    for view in views:
        left, top, width, height = view.used
        frame = box(left - 0.5, top - 0.5, left + width - 0.5, top + height - 0.5)
        found = [(i, make_valid(Polygon(i.outline)).intersection(frame)) for i in view.found]
        found = [(i, shape) for i, shape in found if shape.area > SMALLEST]
        true = [shape.intersection(frame) for shape in known[view.name]]
        true = [shape for shape in true if shape.area > SMALLEST]
        overlap = np.array([[_iou(shape, other) for _, shape in found] for other in true]).reshape(len(true), len(found))
        for a, b in zip(*linear_sum_assignment(-overlap), strict=True):
            if overlap[a, b] >= IOU:
                hits += 1
                whole = frame.buffer(-1.0).contains(true[a]) and not found[b][0].border
                if whole:
                    errors.append((found[b][0].edge - _edge(true[a])) * view.scale.length)
        found_number += len(found)
        known_number += len(true)
    return {
        "count_error": (found_number - known_number) / known_number if known_number else None,
        "recall": hits / known_number if known_number else None,
        "precision": hits / found_number if found_number else None,
        "edge_error_um": float(np.mean(errors)) if errors else None,
        "edge_error_rms_um": float(np.sqrt(np.mean(np.square(errors)))) if errors else None,
        "length_unit": views[0].scale.unit,
        "found": found_number,
        "known": known_number,
        "matched": hits,
    }


def _known(views: Sequence[FieldOfView], truths: Sequence[Path]) -> Mapping[str, list[Any]]:
    """Outlines of each image, by its name."""
    known: dict[str, list[Any]] = {view.name: [] for view in views}
    if len(truths) == 1 and truths[0].suffix.lower() == ".csv":
        for image, corners in read_outlines(truths[0]):
            name = Path(image).stem if image else views[0].name
            if name not in known and len(views) > 1:
                raise _wrong(truths[0], image, "names an image that was not given")
            known[name if name in known else views[0].name].append(make_valid(Polygon(corners)))
        return known
    if len(truths) != len(views):
        raise _wrong(truths[0], len(truths), f"{len(views)} images need as many truths, in their order, or one CSV")
    for view, path in zip(views, truths, strict=True):
        if path.suffix.lower() == ".csv":
            known[view.name] = [make_valid(Polygon(corners)) for _, corners in read_outlines(path)]
            continue
        labels = read_labels(path)
        if labels.shape != view.shape:
            raise _wrong(path, labels.shape, f"the labels must have the image's {view.shape} rows and columns")
        known[view.name] = [_hull(np.argwhere(labels == k)) for k in np.unique(labels) if k]
    return known


def _wrong(path: Path, value: object, rule: str) -> Exception:
    return bad_value(
        InputFileError, where=path, field="--truth", value=value, rule=rule, remedy="give one truth for each image"
    )


def _hull(pixels: FloatArray) -> Any:
    """The convex outline of labelled pixels (row, column): islands are convex."""
    return MultiPoint([(c, r) for r, c in pixels]).convex_hull.buffer(0.5)


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
