"""TOML to settings models, and every refusal to one line: file, field, value, rule, remedy."""

from __future__ import annotations

import difflib
import json
import logging
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
NO_VALUE = ("_type", "_parsing", "_forbidden", "int_from_float")
"""Ends of pydantic's names for what no value of the right type can be."""
OF_TYPE = re.compile(r"(list\[)?constrained-float\]?")
"""What pydantic puts into a place for each type that a key takes."""
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
    return settings_of(path, _with_materials(data), model)


def settings_of(path: Path, data: Any, model: type[Model]) -> Model:
    """The settings of `model` in `data`, which stood in the file at `path`; InputFileError as `read_settings` raises it."""
    try:
        return _validated(data, model)
    except ValidationError as error:
        raise _one_line(path, model, error.errors(include_url=False)) from None


@dataclass(frozen=True)
class Refused:
    """Why a table cannot be meant, in one line, and its keys whose values cannot."""

    line: str
    keys: frozenset[str]


def member_of(path: Path, data: Any, model: type[Model], at: str) -> Model | Refused:
    """The settings of one table of a list, `at` ("films[0]") of the file at `path`, or why it cannot be meant.

    An unknown key or a value of another type is a mistake of the file: InputFileError.
    """
    try:
        return _validated(data, model)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        by_key: dict[Any, list[ErrorDetails]] = {}
        for fault in faults:
            by_key.setdefault(fault["loc"][:1], []).append(fault)
        of_file = [key for key, found in by_key.items() if all(fault["type"].endswith(NO_VALUE) for fault in found)]
        if of_file:
            raise _one_line(path, model, by_key[of_file[0]], at) from None
        told = [fault.get("ctx", {}).get("error") for fault in faults]
        keys = {str(fault["loc"][0]) for fault in faults if fault["loc"]}
        keys |= {one.field for one in told if isinstance(one, WrongSetting)}
        return Refused(str(_one_line(path, model, faults, at)), frozenset(keys))


def _validated(data: Any, model: type[Model]) -> Model:
    return model.model_validate_json(json.dumps(data, default=str), strict=True)


def _with_materials(data: dict[str, Any]) -> dict[str, Any]:
    """The file's own materials moved into its solution."""
    own, solution = data.get(OWN), data.get("solution", {})
    if own is None or not isinstance(solution, Mapping):
        return data
    others = {key: value for key, value in data.items() if key != OWN}
    return others | {"solution": {**solution, OWN: own}}


def _one_line(path: Path, model: type[BaseModel], faults: Sequence[ErrorDetails], at: str = "") -> Exception:
    """The most telling of pydantic's complaints: unknown keys first, for a misspelt key explains a missing one, and a value
    out of range before another type, where a key takes two types.

    at: the table that `model` is, where it is not the whole file.
    """
    order = {"extra_forbidden": 0, "missing": 1}
    first = min(faults, key=lambda detail: order.get(detail["type"], 3 if detail["type"].endswith(NO_VALUE) else 2))
    field, context = _dotted(first["loc"], at), first.get("ctx", {})
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


def _dotted(location: tuple[int | str, ...], at: str = "") -> str:
    """A place in the settings as the file writes it, below the table `at`."""
    if location[:2] == ("solution", OWN):
        location = location[1:]
    of_types = [part for part in location if isinstance(part, str) and OF_TYPE.fullmatch(part)]
    parts = at + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in location if p not in of_types)
    return parts.lstrip(".") or "file"


def _joined(table: str, key: str) -> str:
    """The key as the file writes it, seen from the table whose rule was broken."""
    if not key:
        return table
    return key if table == "file" else f"{table}.{key}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str).replace("NaN", "nan").replace("Infinity", "inf")
    return text if len(text) <= 80 else text[:77] + "..."
