"""Cell, voltage, solution, beam, detector and scan of a run as rows of the page, beside the numbers that came of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np

from ..figures.digits import rounded, value_with_sigma
from ..nouns import RunResults

V_CM_PER_V_MM = 10.0
SECONDS_PER_MINUTE = 60.0


@dataclass(frozen=True)
class SettingRow:
    """One setting, texts ready to print."""

    title: str
    text: str


def settings_rows(results: RunResults) -> list[SettingRow]:
    """The settings that the results know of, in the order of the experiment; what is not known is left out."""
    settings = {name: part for name, part in results.settings.items() if isinstance(part, Mapping)}
    cell, solution = settings.get("cell", {}), settings.get("solution", {})
    beam, analysis = settings.get("beam", {}), settings.get("analysis", {})
    rows = [
        _number("gap of the cell", cell.get("gap_mm"), cell.get("gap_mm_sigma"), "mm"),
        _number("path of the beam", cell.get("path_length_mm"), cell.get("path_length_mm_sigma"), "mm"),
        _number("temperature", cell.get("temperature_K"), cell.get("temperature_K_sigma"), "K"),
        *_voltage(settings.get("voltage", {}), cell),
        _solution(solution),
        _number("φ₀, starting solution", *_times(100.0, solution, "volume_fraction"), "%"),
        _core(solution),
        _number("photon energy", beam.get("energy_keV"), beam.get("energy_keV_sigma"), "keV"),
        _number("beam, FWHM", beam.get("fwhm_um"), beam.get("fwhm_um_sigma"), "µm"),
        _detector(settings.get("detector", {})),
        _window(analysis),
        _number("slice at the anode", analysis.get("slice_um"), None, "µm"),
        *_scans(results),
        _model(settings.get("transport", {}), settings.get("growth", {})),
    ]
    return [row for row in rows if row is not None]


def _number(title: str, value: float | None, sigma: float | None, unit: str) -> SettingRow | None:
    if value is None:
        return None
    text = value_with_sigma(value, sigma) if sigma else f"{value:g}"
    return SettingRow(title, f"({text}) {unit}" if sigma else f"{text} {unit}")


def _times(factor: float, part: Mapping[str, Any], name: str) -> tuple[float | None, float | None]:
    value, sigma = part.get(name), part.get(f"{name}_sigma")
    return None if value is None else factor * value, None if sigma is None else factor * sigma


def _voltage(program: Mapping[str, Any], cell: Mapping[str, Any]) -> list[SettingRow]:
    """The voltage, constant or as a program, and the nominal field V / L."""
    volts, times = program.get("voltage_V") or [], program.get("time_s") or []
    if not volts and cell.get("voltage_V") is not None:
        volts = [cell["voltage_V"]]
    if not volts:
        return []
    lowest, highest = min(volts), max(volts)
    constant = np.isclose(lowest, highest)
    told = f"{lowest:.4g} to {highest:.4g} V, {len(volts)} points"
    if times:
        told += f" over {times[-1] / SECONDS_PER_MINUTE:.4g} min"
    rows = [SettingRow("voltage", f"{highest:.4g} V, constant" if constant else told)]
    if cell.get("gap_mm"):
        low, high = (V_CM_PER_V_MM * v / cell["gap_mm"] for v in (lowest, highest))
        text = f"{high:.3g}" if constant else f"{low:.3g} to {high:.3g}"
        rows.append(SettingRow("nominal field V/L", f"{text} V cm⁻¹"))
    return rows


def _solution(solution: Mapping[str, Any]) -> SettingRow | None:
    names = [solution.get(name) for name in ("core", "ligand", "solvent")]
    if not all(isinstance(name, str) for name in names):
        return None
    return SettingRow("nanocrystals", "{} with {} in {}".format(*names))


def _core(solution: Mapping[str, Any]) -> SettingRow | None:
    mean, deviation = solution.get("core_diameter_nm"), solution.get("core_sigma_nm")
    if mean is None or deviation is None:
        return None
    return SettingRow("core diameter d, deviation δ", f"{mean:g} nm, {deviation:g} nm")


def _detector(detector: Mapping[str, Any]) -> SettingRow | None:
    name, distance = detector.get("name"), detector.get("distance_m")
    if name is not None:
        return SettingRow("detector", str(name) + ("" if distance is None else f" at {distance:.4g} m"))
    geometry = detector.get("geometry")
    return None if geometry is None else SettingRow("detector", PurePath(str(geometry)).name)


def _window(analysis: Mapping[str, Any]) -> SettingRow | None:
    low, high, bins = (analysis.get(name) for name in ("q_min_per_nm", "q_max_per_nm", "bins"))
    if low is None or high is None:
        return None
    return SettingRow("q window", f"{low:g} to {high:g} nm⁻¹" + ("" if bins is None else f", {bins} bins"))


def _scans(results: RunResults) -> list[SettingRow]:
    """How many scans over how many heights, where and when."""
    phi = results.volume_fraction
    if phi.dims != ("scan", "height"):
        return []
    scans, heights = phi.data.shape
    z, t = phi.coord("height"), phi.coord("time") / SECONDS_PER_MINUTE
    return [
        SettingRow("scans × heights", f"{scans} × {heights}"),
        SettingRow("heights above the anode", f"{rounded(z.min(), 0)} to {rounded(z.max(), 0)} µm"),
        SettingRow("time from field-on", f"{np.nanmin(t):.2g} to {np.nanmax(t):.3g} min"),
    ]


def _model(transport: Mapping[str, Any], growth: Mapping[str, Any]) -> SettingRow | None:
    """The transport model of a prediction."""
    charge, model = transport.get("effective_charge"), transport.get("charge_model")
    if charge is None or model is None:
        return None
    solubility = growth.get("solubility")
    grows = "nothing grows" if solubility is None else f"solubility {100.0 * solubility:.3g} %"
    return SettingRow("transport model", f"{model}, {charge:.4g} e, {grows}")
