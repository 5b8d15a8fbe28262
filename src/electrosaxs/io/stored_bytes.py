"""How many bytes a value holds: at least what its arrays, texts and numbers take in a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipp as sc

OF_ONE = 64
"""Bytes of a number, or beside the characters of a text."""


def held_bytes(value: Any) -> int:
    """Of arrays, texts, numbers, scipp's containers, mappings, sequences and dataclasses of these; OF_ONE of anything else."""
    if isinstance(value, np.ndarray):
        return OF_ONE + value.nbytes
    if isinstance(value, str | bytes):
        return OF_ONE + 4 * len(value)
    if isinstance(value, sc.Variable):
        return held_bytes(value.values) * (1 if value.variances is None else 2)
    if isinstance(value, sc.DataArray):
        return sum(map(held_bytes, (value.data, *value.coords.values(), *value.masks.values())))
    if isinstance(value, Mapping):
        return sum(held_bytes(key) + held_bytes(one) for key, one in value.items())
    if isinstance(value, list | tuple | set):
        return OF_ONE + sum(map(held_bytes, value))
    if dataclasses.is_dataclass(value):
        return sum(held_bytes(getattr(value, field.name)) for field in dataclasses.fields(value))
    return OF_ONE
