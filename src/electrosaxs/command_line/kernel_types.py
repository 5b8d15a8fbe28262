"""Types of the arguments of a compiled kernel, from the JSON of the list of kernels (`compile_ahead`)."""

from __future__ import annotations

import importlib
import json
from typing import Any

from numba.core import types

SCALARS: dict[str, types.Type] = {
    str(one): one
    for one in (types.none, types.boolean, *types.integer_domain, *types.real_domain, *types.complex_domain)
}


def read_types(text: str) -> tuple[types.Type, ...]:
    """What `spelled` of benchmarks/first_run.py wrote: names of scalars, and lists of a kind and what it holds."""
    return tuple(_read(one) for one in json.loads(text))


def _read(spelling: Any) -> types.Type:
    if isinstance(spelling, str):
        return SCALARS[spelling]
    head, *rest = spelling
    if head == "array":
        dtype, dimensions, layout, access = rest
        return types.Array(_read(dtype), dimensions, layout, readonly=access == "readonly")
    if head == "named":
        module, name, *fields = rest
        made = getattr(importlib.import_module(module), name)
        return types.BaseTuple.from_types([_read(one) for one in fields], made)
    if head == "tuple":
        return types.BaseTuple.from_types([_read(one) for one in rest])
    return types.Omitted(rest[0]) if head == "omitted" else types.literal(rest[0])
