"""The files of the command `curves`: per curve and as a table."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ...analysis.concentration.invariant import bin_widths
from ...figures.candidates import candidates_page
from ...figures.curve_page import CurvePicture, curve_caption, curve_page
from ...figures.rendered import rendered
from ...io.atomic import replacing
from ...io.numbers_json import write_numbers
from ...io.rows_csv import write_rows
from ...nouns import FloatArray
from ...report.number_text import number_row
from ...report.provenance import FILE as PROVENANCE
from ...report.provenance_rows import provenance_rows
from ...report.template import render
from .study import CurveResult, NoAnswer

TABLE_NUMBERS = {
    "d_nm": "diameter",
    "delta_nm": "deviation",
    "polydispersity": "polydispersity",
    "hard_sphere_volume_fraction": "hard_sphere_volume_fraction",
    "contact_diameter_nm": "contact_diameter",
    "invariant": "invariant",
    "volume_fraction": "volume_fraction",
    "a_nm": "lattice_constant",
    "crystalline_fraction": "crystalline_fraction",
    "domain_size_nm": "domain_size",
    "lattice_strain": "lattice_strain",
    "displacement_rms_nm": "displacement_rms",
    "fault_fraction": "fault_fraction",
    "axial_ratio": "axial_ratio",
    "volume_mean_diameter_nm": "volume_mean_diameter",
}
"""Column of curves.csv -> name in numbers.json; each with a column <column>_sigma behind it."""
INTERVALS = {
    "d_nm_low": "diameter_low",
    "d_nm_high": "diameter_high",
    "delta_nm_low": "deviation_low",
    "delta_nm_high": "deviation_high",
}
"""The same without a sigma: the 68 % intervals of the posterior."""
BEFORE, AFTER = ("file", "curve", "points", "spheres"), (
    "invariant_window_share", "invariant_low_q_share", "invariant_high_q_share", "invariant_method",
    "reduced_chi_squared", "lattice", "verdict", "flags", "read_as",
)  # fmt: skip
"""Columns of curves.csv before and behind the numbers."""
TITLES = {"crystalline_fraction": "crystalline fraction"}
"""On the page, where they are other than those of a run."""
SIZE_COLUMNS = ("diameter (nm)", "volume per nm", "sigma")
POSTERIOR_COLUMNS = ("probability below", "diameter (nm)", "deviation (nm)")
LEVELS = np.array([0.001, 0.0025, 0.005, *np.arange(0.01, 0.995, 0.01), 0.995, 0.9975, 0.999])
FIT_COLUMNS = ("q (1/nm)", "I", "sigma", "model", "S", "S_sigma")


def write_curve(out: Path, result: CurveResult, *, absolute: bool) -> None:
    """numbers.json, fit.csv, figure.png and figure.svg of one curve into `<out>/<name>`; sizes.csv where a Gaussian is not
    enough, posterior.csv where it is, candidates.png and .svg where there are peaks."""
    folder = out / result.name
    write_numbers(folder / "numbers.json", result.numbers)
    curve = result.curve
    columns = (
        curve.q, curve.intensity, _or_nan(curve.sigma, curve.q), result.spheres.model, result.structure,
        result.structure_sigma,
    )  # fmt: skip
    write_rows(folder / "fit.csv", FIT_COLUMNS, zip(*([_cell(x) for x in column] for column in columns), strict=True))
    if result.free is not None:
        sizes = result.free.fit
        parts = (sizes.basis.diameter, sizes.density[0], sizes.sigma[0])
        write_rows(folder / "sizes.csv", SIZE_COLUMNS, zip(*([_cell(x) for x in part] for part in parts), strict=True))
    if result.posterior is not None:
        levels = zip(LEVELS, *result.posterior.quantiles(LEVELS).T, strict=True)
        write_rows(folder / "posterior.csv", POSTERIOR_COLUMNS, ([_cell(x) for x in row] for row in levels))
    figures = {"figure": curve_page(picture(result, absolute=absolute))}
    if result.assignment.against:
        figures["candidates"] = candidates_page(result.assignment)
    for name, figure in figures.items():
        assert isinstance(figure, Figure)
        made = rendered(figure)
        for ending, content in (("png", made.png), ("svg", made.svg)):
            with replacing(folder / f"{name}.{ending}") as part:
                part.write_bytes(content)


def write_overview(out: Path, results: Sequence[CurveResult | NoAnswer]) -> None:
    """curves.csv, one row per curve, and the self-contained report.html."""
    numbers = [name for column in TABLE_NUMBERS for name in (column, f"{column}_sigma")]
    columns = [*BEFORE, *numbers, *INTERVALS, *AFTER]
    rows = [table_row(result) for result in results]
    write_rows(out / "curves.csv", columns, ([row.get(column, "") for column in columns] for row in rows))
    page = render(
        __package__,
        "report.html.j2",
        curves=[_on_page(out, result) for result in results if isinstance(result, CurveResult)],
        unanswered=[result for result in results if isinstance(result, NoAnswer)],
        provenance=provenance_rows(out / PROVENANCE),
    )
    with replacing(out / "report.html") as part:
        part.write_text(page, encoding="utf-8")


def table_row(result: CurveResult | NoAnswer) -> dict[str, str]:
    """One row of curves.csv by column; what the curve does not give is absent or empty."""
    row = {"file": str(result.file), "curve": result.name, "flags": "; ".join(result.flags)}
    if isinstance(result, NoAnswer):
        return row | {"lattice": "none", "verdict": "no answer"}
    for column, name in TABLE_NUMBERS.items():
        number = result.numbers.get(name)
        if number is not None and number.value is not None:
            row |= {column: _cell(number.value), f"{column}_sigma": _cell(number.sigma)}
    for column, name in INTERVALS.items():
        if name in result.numbers:
            row[column] = _cell(result.numbers[name].value)
    total = float(result.invariant.invariant.values[0])
    parts = {"window": result.invariant.window, "low_q": result.invariant.low, "high_q": result.invariant.high}
    row |= {f"invariant_{name}_share": _cell(float(part[0]) / total if total else None) for name, part in parts.items()}
    return row | {
        "points": str(result.curve.q.size),
        "spheres": result.spheres.kind if result.spheres.found else "no sizes",
        "invariant_method": result.invariant.method[0],
        "reduced_chi_squared": _cell(result.spheres.reduced_chi_squared),
        "lattice": result.assignment.lattice or "none",
        "verdict": result.assignment.verdict,
        "read_as": result.curve.read_as,
    }


def picture(result: CurveResult, *, absolute: bool) -> CurvePicture:
    """What the figure of one curve shows."""
    spheres, curve = result.spheres, result.curve
    background = spheres.values["background"] if spheres.found else 0.0
    return CurvePicture(
        title=result.name,
        q=curve.q,
        intensity=curve.intensity,
        sigma=_or_nan(curve.sigma, curve.q),
        model=spheres.model,
        background=background,
        structure=result.structure,
        structure_sigma=result.structure_sigma,
        structure_model=(spheres.model - background) / np.where(spheres.form > 0.0, spheres.form, np.nan),
        assignment=result.assignment,
        sizes=_sizes(result),
        counted=_counted(result),
        intensity_unit="cm$^{-1}$" if absolute else "",
    )


def _counted(result: CurveResult) -> FloatArray:
    """What the invariant sums over the bins: the intensity less the constant that its part within the window implies."""
    q, intensity = result.curve.q, result.curve.intensity
    weight = q**2 * bin_widths(q)
    constant = (weight @ intensity - float(result.invariant.window[0])) / weight.sum()
    return np.asarray(intensity - constant)


def _sizes(result: CurveResult) -> str:
    """Sizes in the corner of the figure, with what is wrong with them."""
    if not result.spheres.found:
        return "\n".join(["no sizes", *result.spheres.flags])
    values = result.spheres.values
    lines = [f"d = {values['diameter']:.3g} nm", f"δ = {values['deviation']:.2g} nm"]
    if "hard_sphere_volume_fraction" in values:
        lines.append(f"φ$_{{hs}}$ = {values['hard_sphere_volume_fraction']:.3g}")
    return "\n".join([*lines, *result.spheres.flags])


def _on_page(out: Path, result: CurveResult) -> dict[str, Any]:
    """What the report shows of one curve: texts, and the picture in base64."""
    rows = (number_row(name, number) for name, number in result.numbers.items())
    numbers = [replace(row, title=TITLES.get(row.name, row.title)) for row in rows]
    return {
        "name": result.name,
        "file": str(result.file),
        "read_as": result.curve.read_as,
        "kind": result.spheres.kind if result.spheres.found else "no sizes",
        "verdict": result.assignment.verdict,
        "flags": result.flags,
        "numbers": numbers,
        "shown": {row.name: row.text for row in numbers},
        "picture": f"{result.name}/figure",
        "caption": curve_caption(picture(result, absolute=False)),
        "candidates": _picture(out / result.name / "candidates.png"),
        "png": _picture(out / result.name / "figure.png"),
    }


def _picture(file: Path) -> str:
    """A PNG in base64; empty where there is none."""
    return base64.b64encode(file.read_bytes()).decode("ascii") if file.is_file() else ""


def _or_nan(sigma: FloatArray | None, q: FloatArray) -> FloatArray:
    return np.full(q.size, np.nan) if sigma is None else sigma


def _cell(value: float | None) -> str:
    """Seven digits; empty for what is not known."""
    return "" if value is None or not np.isfinite(value) else f"{value:.7g}"
