"""TOML to settings models, and every refusal to one line: file, field, value, rule, remedy."""

from __future__ import annotations

import difflib
import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..nouns.settings import WrongSetting
from .refusal import refusal
from .setting_words import meaning, rule
from .toml_kinds import check_kind
from .toml_text import load_toml

Model = TypeVar("Model", bound=BaseModel)
log = logging.getLogger(__name__)
OWN = "materials"
"""The table of a file's own materials; its noun is part of the solution, which is made of them."""
FORMATS = "docs/formats.md says what it means"


def has_table(path: Path, name: str) -> bool:
    """True where the TOML file at `path` has the table [name]; raises InputFileError where it cannot be read."""
    return isinstance(load_toml(path).get(name), dict)


def read_settings(path: Path, model: type[Model], *, kind: str) -> Model:
    """The settings of `model` in the TOML file at `path`; raises InputFileError with one line on the first mistake.

    kind: what the file must be ("a run"). Types are taken strictly: a number in quotes or a `true` is not a number.
    """
    data = load_toml(path)
    check_kind(path, data, kind)
    log.info("reads %s: %s", path, model.__name__.lower())
    try:
        return model.model_validate_json(json.dumps(_with_materials(data), default=str), strict=True)
    except ValidationError as error:
        raise _one_line(path, model, error) from None


def _with_materials(data: dict[str, Any]) -> dict[str, Any]:
    """The file's own materials moved into its solution."""
    own, solution = data.get(OWN), data.get("solution", {})
    if own is None or not isinstance(solution, Mapping):
        return data
    others = {key: value for key, value in data.items() if key != OWN}
    return others | {"solution": {**solution, OWN: own}}


def _one_line(path: Path, model: type[BaseModel], error: ValidationError) -> Exception:
    """The most telling of pydantic's complaints: unknown keys first, for a misspelt key explains a missing one."""
    order = {"extra_forbidden": 0, "missing": 1}
    first = min(error.errors(include_url=False), key=lambda detail: order.get(detail["type"], 2))
    field, context = _dotted(first["loc"]), first.get("ctx", {})
    known = meaning(field)
    if first["type"] == "extra_forbidden":
        return _unknown_key(path, model, first, field)
    if first["type"] == "missing":
        return refusal(path, field, "missing", "is required", f"give {known}" if known else f"give it; {FORMATS}")
    told = context.get("error")
    if isinstance(told, WrongSetting):
        full = _joined(field, told.field)
        return refusal(path, full, told.value, told.rule, told.remedy)
    endless = isinstance(first["input"], float) and not math.isfinite(first["input"])
    broken = rule("finite_number" if endless else first["type"], context)
    return refusal(path, field, _short(first["input"]), broken, f"give {known}" if known else FORMATS)


def _unknown_key(path: Path, model: type[BaseModel], detail: ErrorDetails, field: str) -> Exception:
    *parents, key = detail["loc"]
    owner: Any = model
    for name in parents:
        owner = _nested_model(owner, str(name))
    known = [name for name in owner.model_fields if name != OWN]
    near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
    elsewhere = [name for name in model.model_fields if str(key) in _nested_model(model, name).model_fields]
    if elsewhere:
        remedy = f"it belongs into [{elsewhere[0]}]"
    else:
        remedy = f"did you mean {near[0]}?" if near else f"known keys here are {', '.join(known)}"
    return refusal(path, field, _short(detail["input"]), "is not a known key", remedy)


def _nested_model(owner: Any, name: str) -> Any:
    """The settings below `name`: a table, or one of the tables that a list or a dict holds; `owner` where there are none."""
    if name not in owner.model_fields:
        return owner
    annotation = owner.model_fields[name].annotation
    candidates = (annotation, *get_args(annotation))
    inside = [part for c in candidates for part in (c, *get_args(c))]
    return next((c for c in inside if isinstance(c, type) and issubclass(c, BaseModel)), owner)


def _dotted(location: tuple[int | str, ...]) -> str:
    """A place in the settings as the file writes it."""
    if location[:2] == ("solution", OWN):
        location = location[1:]
    parts = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in location)
    return parts.lstrip(".") or "file"


def _joined(table: str, key: str) -> str:
    """The key as the file writes it, seen from the table whose rule was broken."""
    if not key:
        return table
    return key if table == "file" else f"{table}.{key}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str).replace("NaN", "nan").replace("Infinity", "inf")
    return text if len(text) <= 80 else text[:77] + "..."
