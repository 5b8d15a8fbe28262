"""Strict JSON: no NaN, and every dataclass, path and array as plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
from pydantic import BaseModel


def to_json(value: Any, *, indent: int | None = None) -> str:
    """`value` as strict JSON; a float that is not finite becomes "nan", "inf" or "-inf", which `float` reads."""
    return json.dumps(plain(value), allow_nan=False, ensure_ascii=False, indent=indent)


def plain(value: Any) -> Any:
    """Only dict, list, str, int, float, bool and None; keys are text."""
    if isinstance(value, BaseModel):
        return plain(value.model_dump(mode="json"))
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if np.isfinite(value) else str(float(value))
    if value is None or isinstance(value, bool | int):
        return value
    return value.as_posix() if isinstance(value, PurePath) else str(value)
