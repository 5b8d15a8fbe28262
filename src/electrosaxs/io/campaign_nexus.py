"""results.nxs of a campaign: each headline number of its members against the field (docs/formats.md)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from .. import __version__
from ..nouns import Number
from ..nouns.trends import Member
from .atomic import replacing
from .nxdata import nx_group

FIELD, MEMBER = "field", "member"


def write_campaign_results(
    path: Path, title: str, members: Sequence[Member], names: Sequence[str], *, command: str
) -> None:
    """One NXdata group per number of `names` that some member has: dims (member) in order of the field (V/cm), NaN where
    a sigma is not known."""
    with replacing(path) as part, h5py.File(part, "w") as file:
        file.attrs.update({"NX_class": "NXroot", "default": "entry", "creator": f"electrosaxs {__version__}"})
        entry = nx_group(file, "entry", "NXentry")
        entry.attrs.update({"command": command, "version": __version__})
        entry["title"] = title
        for name in names:
            points = [(one, one.number(name)) for one in members if one.field_V_per_cm is not None]
            points = [(one, number) for one, number in points if number.value is not None]
            if points:
                _write(entry, name, sorted(points, key=lambda point: point[0].field_V_per_cm or 0.0))


def _write(entry: h5py.Group, name: str, points: Sequence[tuple[Member, Number]]) -> None:
    if "default" not in entry.attrs:
        entry.attrs["default"] = name
    unit = points[0][1].unit
    group = nx_group(entry, name, "NXdata", signal=name, axes=[FIELD])
    columns = {
        name: ([number.value for _, number in points], unit),
        f"{name}_errors": ([number.sigma for _, number in points], unit),
        FIELD: ([one.field_V_per_cm for one, _ in points], "V/cm"),
    }
    for key, (values, units) in columns.items():
        data = group.create_dataset(key, data=np.array(values, dtype=np.float64))
        data.attrs["units"] = "1" if units == "one" else units
    group.create_dataset(MEMBER, data=[one.name for one, _ in points], dtype=h5py.string_dtype())
