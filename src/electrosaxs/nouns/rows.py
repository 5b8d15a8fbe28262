"""Nouns whose fields are columns over frames, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Kind = TypeVar("Kind", bound=Any)
"""A dataclass whose fields are arrays (frame, ...) and tuples with one item for each frame."""


def joined(parts: Sequence[Kind]) -> Kind:
    """The frames of all `parts`, in their order."""
    columns: dict[str, Any] = {}
    for field in fields(parts[0]):
        values = [getattr(part, field.name) for part in parts]
        is_tuple = isinstance(values[0], tuple)
        columns[field.name] = tuple(item for one in values for item in one) if is_tuple else np.concatenate(values)
    return replace(parts[0], **columns)


def with_rows(whole: Kind, index: npt.NDArray[np.intp], rows: Kind) -> Kind:
    """`whole` with the frames `index` taken from `rows`."""
    columns: dict[str, Any] = {}
    for field in fields(whole):
        own, theirs = getattr(whole, field.name), getattr(rows, field.name)
        column = list(own) if isinstance(own, tuple) else np.array(own)
        for place, item in zip(index.tolist(), theirs, strict=True):
            column[place] = item
        columns[field.name] = tuple(column) if isinstance(own, tuple) else column
    return replace(whole, **columns)


def taken(whole: Kind, index: npt.NDArray[np.intp]) -> Kind:
    """The frames `index` of `whole`."""
    columns: dict[str, Any] = {}
    for field in fields(whole):
        own = getattr(whole, field.name)
        columns[field.name] = tuple(own[i] for i in index.tolist()) if isinstance(own, tuple) else own[index]
    return replace(whole, **columns)
