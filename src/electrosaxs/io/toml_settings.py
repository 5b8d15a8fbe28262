"""TOML to settings models, and every refusal to one line: file, field, value, rule, remedy."""

from __future__ import annotations

import difflib
import json
import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..nouns.experiment import ChargeModel, FieldModel, Interactions
from .refusal import refusal

Model = TypeVar("Model", bound=BaseModel)


def _one_of(choices: Any) -> str:
    """The values of a Literal in words."""
    *most, last = (f'"{name}"' for name in get_args(choices))
    return f"{', '.join(most)} or {last}"


MEANING = {
    "cell": "the table [cell] with gap_mm and path_length_mm",
    "cell.gap_mm": "the distance between the electrodes in mm",
    "cell.path_length_mm": "the length of the beam's path through the solution in mm",
    "cell.temperature_K": "the temperature in K (not degrees Celsius)",
    "cell.voltage_V": "the electrode voltage in V, positive when the anode is the lower electrode",
    "cell.anode_height_um": "the stage height in um at which the beam centre meets the anode",
    "solution": "the table [solution] with volume_fraction",
    "solution.volume_fraction": "the volume fraction of core and dry ligand shell in the starting solution, "
    "between 0 and 1 (0.08 % is 8.0e-4)",
    "solution.volume_fraction_sigma": "one standard deviation of volume_fraction",
    "solution.dry_shell_nm": "the thickness of the dried ligand shell per side in nm",
    "solution.solvated_shell_nm": "the thickness of the ligand shell in the solvent per side in nm",
    "solution.core_diameter_nm": "the number-weighted mean core diameter in nm",
    "solution.core_sigma_nm": "the standard deviation of the core diameter in nm",
    "beam": "the table [beam] with energy_keV and fwhm_um",
    "beam.energy_keV": "the photon energy in keV",
    "beam.fwhm_um": "the vertical full width at half maximum of the beam in um",
    "beam.polarization": "pyFAI's polarization factor, between -1 and 1",
    "beam.photons_per_s": "the photons per second in the incident beam",
    "detector": "the table [detector] with geometry",
    "detector.geometry": "the path of the pyFAI geometry file (.poni)",
    "detector.distance_m": "the distance from sample to detector in m (1993.89 mm is 1.99389)",
    "detector.mask": "the path of a mask image, 1 = masked",
    "frames": 'the table [frames] with nexus = "frames.nxs", or images = "folder" and table = "frames.csv"',
    "analysis.q_min_per_nm": "the lower end of the q window in 1/nm, below q_max_per_nm",
    "analysis.q_max_per_nm": "the upper end of the q window in 1/nm",
    "analysis.bins": "the number of q bins, 50 to 10000",
    "analysis.slice_um": "the thickness of the slice next to the anode in um",
    "analysis": "a q window with q_min_per_nm below q_max_per_nm, both in 1/nm",
    "voltage": "the table [voltage] with time_s (increasing, s) and voltage_V (V), lists of one length",
    "voltage.time_s": "the times of the voltage program in s, increasing",
    "voltage.voltage_V": "the voltages in V at time_s",
    "transport": "the table [transport] with effective_charge",
    "transport.effective_charge": "the time-averaged charge of a 7.1 nm core in elementary charges",
    "transport.charge_model": _one_of(ChargeModel),
    "transport.charge_of_charged": "the elementary charges on a particle while it is charged",
    "transport.charge_lifetime_s": "the time in s for which a particle stays charged",
    "transport.immobile_fraction": "the share of the volume fraction that neither drifts nor diffuses, 0 to below 1",
    "transport.immobile_diameter_nm": "the diameter in nm of the clusters that do not move",
    "transport.field_model": _one_of(FieldModel),
    "transport.electrode_loss": "the share of the voltage that falls off at the electrodes, 0 to below 1",
    "transport.carrier_share": "the share of the starting conductivity that charged particles carry, 0 to below 1",
    "transport.conductivity_nS_per_m": "the conductivity of the starting solution in nS/m",
    "transport.interactions": _one_of(Interactions),
    "growth.solubility": "the volume fraction in equilibrium with the superlattice, between 0 and 1",
    "scan": "the table [scan] with duration_s, heights_um and scans",
    "scan.duration_s": "the duration of the experiment in s",
    "scan.heights_um": "the heights above the anode to scan, a list in um",
    "scan.scans": "the number of scans over all heights, 1 or more",
    "scan.exposure_s": "the exposure time of a frame in s",
    "film": "the table [film] of a film to simulate (docs/how-to/gisaxs.md)",
    "film.normal": "the Miller indices of the plane on the substrate, a list of three whole numbers",
    "film.texture": '"in-plane powder", "random", "disordered" or "empty"',
    "solution.distribution": "the path of a CSV table with columns diameter_nm and number",
}
SECTIONS_WITH_CHOICE = {
    "transport": 'give electrode_loss with field_model = "electrode-loss", carrier_share with "conduction", else neither',
    "solution": "give core_diameter_nm and core_sigma_nm (both in nm), or distribution = the path of a table",
}


def has_table(path: Path, name: str) -> bool:
    """True where the TOML file at `path` has the table [name]; raises InputFileError where it cannot be read."""
    return isinstance(_load(path).get(name), dict)


def read_settings(path: Path, model: type[Model]) -> Model:
    """The settings of `model` in the TOML file at `path`; raises InputFileError with one line on the first mistake.

    Types are taken strictly: a number in quotes or a `true` is not a number.
    """
    data = _load(path)
    try:
        return model.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        raise _one_line(path, model, error) from None


def _load(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return tomllib.loads(text)
    except OSError as error:
        reason = "is a folder" if path.is_dir() else (error.strerror or "cannot be read").lower()
        remedy = "give the path of a TOML file (docs/formats.md shows one)"
        raise refusal(path, "file", path.name, reason, remedy) from error
    except UnicodeDecodeError as error:
        raise refusal(
            path,
            f"byte {error.start}",
            hex(error.object[error.start]),
            "TOML is UTF-8 text",
            "save the file as UTF-8, or point to the right file",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise refusal(
            path,
            "TOML syntax",
            _broken_line(text, str(error)),
            str(error),
            "write key = value, text in quotes, tables in [brackets]",
        ) from error


def _broken_line(text: str, message: str) -> str:
    digits = message.partition("at line ")[2].partition(",")[0]
    lines = text.splitlines()
    return repr(lines[int(digits) - 1].strip()) if digits.isdigit() and int(digits) <= len(lines) else "end of file"


def _one_line(path: Path, model: type[BaseModel], error: ValidationError) -> Exception:
    """The most telling of pydantic's complaints: unknown keys first, for a misspelt key explains a missing one."""
    details = error.errors(include_url=False)
    order = {"extra_forbidden": 0, "missing": 1}
    first = min(details, key=lambda detail: order.get(detail["type"], 2))
    field = _dotted(first["loc"])
    known = MEANING.get(field)
    if first["type"] == "extra_forbidden":
        return _unknown_key(path, model, first, field)
    if first["type"] == "missing":
        remedy = f"give {known}" if known else "give it; docs/formats.md says what it means"
        return refusal(path, field, "missing", "is required", remedy)
    rule = first["msg"].removeprefix("Value error, ").replace("Input should", "must")
    remedy = SECTIONS_WITH_CHOICE.get(field) or (f"give {known}" if known else "docs/formats.md says what it means")
    return refusal(path, field, _short(first["input"]), rule, remedy)


def _unknown_key(path: Path, model: type[BaseModel], detail: ErrorDetails, field: str) -> Exception:
    *parents, key = detail["loc"]
    owner: Any = model
    for name in parents:
        owner = _nested_model(owner, str(name))
    known = list(owner.model_fields)
    near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]}?" if near else f"known keys here are {', '.join(known)}"
    return refusal(path, field, _short(detail["input"]), "is not a known key", remedy)


def _nested_model(model: type[BaseModel], name: str) -> type[BaseModel]:
    annotation = model.model_fields[name].annotation
    candidates = (annotation, *get_args(annotation))
    return next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))


def _dotted(location: tuple[int | str, ...]) -> str:
    parts = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in location)
    return parts.lstrip(".") or "file"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
