"""canSAS 1-D in XML, versions 1.0 and 1.1: one SASentry per sample, I over Q with units in attributes.

https://www.cansas.org/formats/canSAS1d/1.1/doc/
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from .curve import Curve, checked_curve, described_unit, in_order, present_sigma, unit_factor, unknown_unit
from .refusal import refusal


def read_cansas_xml(path: Path, content: str, q_unit: str | None) -> list[Curve]:
    """Every I(Q) of the file, q in 1/nm (`q_unit` overrides what it states).

    Raises InputFileError for XML of another kind, for a Q without a unit and for curves that are none.
    """
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise refusal(path, "file", path.name, f"is broken XML ({error})", "export it again") from error
    for element in root.iter():
        element.tag = str(element.tag).rpartition("}")[2]
    found = [(entry, data) for entry in root.iter("SASentry") for data in entry.iter("SASdata")]
    if not found:
        rule = "is XML without SASentry and SASdata"
        raise refusal(path, "file", path.name, rule, "give canSAS 1-D XML, NXcanSAS or text columns")
    return [_curve(path, entry, data, q_unit) for entry, data in found]


def _curve(path: Path, entry: ElementTree.Element, data: ElementTree.Element, q_unit: str | None) -> Curve:
    points = data.findall("Idata")
    titles = [t for t in (data.get("name"), entry.findtext("Title")) if t and t.strip()]
    name = titles[-1].strip() if titles else path.stem
    unit = next((one.get("unit") for one in data.iter("Q") if one.get("unit")), None)
    if not points or any(point.find("Q") is None or point.find("I") is None for point in points):
        raise refusal(path, "SASdata", name, "holds no Idata with Q and I", "export the curve again")
    if q_unit is None and unit is None:
        raise unknown_unit(path, field="Q@unit")
    factor = unit_factor(path, q_unit or str(unit))
    with_sigma = all(point.find("Idev") is not None for point in points)
    columns = [_numbers(path, points, tag) for tag in ("Q", "I", *(("Idev",) if with_sigma else ()))]
    notes = tuple(" ".join(" ".join(term.itertext()).split()) for term in entry.iter("term"))
    read_as = (
        f"q in {described_unit(factor)} {'as told' if q_unit else 'as the file says'}; Q, I" + ", Idev" * with_sigma
    )
    sigma = present_sigma(columns[2]) if with_sigma else None
    curve = Curve(factor * columns[0], columns[1], sigma, name, notes, read_as)
    return checked_curve(path, *in_order(curve, [f"Idata {i}" for i in range(1, len(points) + 1)], overlap=1))


def _numbers(path: Path, points: list[ElementTree.Element], tag: str) -> np.ndarray:
    values = np.empty(len(points))
    for i, point in enumerate(points):
        text = (point.findtext(tag) or "").strip()
        try:
            values[i] = float(text)
        except ValueError as error:
            raise refusal(path, f"Idata {i + 1}, {tag}", repr(text), "is no number", "correct it") from error
    return values
