"""What each key of run.toml and experiment.toml means, and what pydantic complains of, in plain words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from ..nouns.experiment import ChargeModel, FieldModel, Interactions, Order


def _one_of(choices: Any) -> str:
    """The values of a Literal in words."""
    *most, last = (f'"{name}"' for name in get_args(choices))
    return f"{', '.join(most)} or {last}"


OF_EX_SITU = {
    "voltage_V": "the voltage in V that the film grew under, above 0",
    "gap_mm": "the distance between the electrodes in mm",
    "duration_s": "how long the voltage was on, in s",
    "images": 'a list of files or patterns, ["sem/*.tif"]',
    "results": "the folder that gisaxs or islands left",
}
OF_COLUMNS = {
    "height": '{ column = "sam_z", unit = "mm", sign = -1, offset_um = 120.0 }',
    "time": '{ column = "Epoch", field_on = "2018-11-28T08:00:00.5Z" }, or field_on in the seconds of the column',
    "monitor": '{ column = "ic1", dark_per_s = 120.0 }',
    "transmission": '{ over = "diode", under = "ic1", empty = 0.913 }, or { column = "T" }',
    "exposure": '{ column = "Seconds" }',
    "voltage": '{ column = "keithley_v" }',
    "current": '{ column = "keithley_i", unit = "nA" }',
    "role": '{ column = "sampleName", reference = "start*", solvent = "tol*" }, or frame ranges such as "0-5"',
    "file": '{ column = "image" }, the image of each row',
    "height.sign": "-1 where the stage goes down when its number rises, else 1",
    "time.at": '"start", "middle" or "end": which moment of the exposure the clock shows',
}
MEANING = {
    "cell": "the table [cell] with gap_mm and path_length_mm",
    "cell.gap_mm": "the distance between the electrodes in mm",
    "cell.path_length_mm": "the length of the beam's path through the solution in mm",
    "cell.temperature_K": "the temperature in K (not degrees Celsius)",
    "cell.gap_mm_sigma": "one standard deviation of gap_mm",
    "cell.path_length_mm_sigma": "one standard deviation of path_length_mm",
    "cell.temperature_K_sigma": "one standard deviation of temperature_K",
    "cell.voltage_V_sigma": "one standard deviation of the voltage in V",
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
    "beam.energy_keV_sigma": "one standard deviation of energy_keV",
    "beam.fwhm_um_sigma": "one standard deviation of fwhm_um",
    "beam.polarization": "pyFAI's polarization factor, between -1 and 1",
    "beam.photons_per_s": "the photons per second in the incident beam",
    "detector": "the table [detector] with geometry",
    "detector.geometry": "the path of the pyFAI geometry file (.poni)",
    "detector.distance_m": "the distance from sample to detector in m (1993.89 mm is 1.99389)",
    "detector.distance_m_sigma": "one standard deviation of the distance in m",
    "detector.dead_time_ns": "for how long a pixel is dead after each photon, ns",
    "detector.mask": "the path of a mask image, 1 = masked",
    "frames": 'the table [frames] with nexus = "frames.nxs", or images = "folder" and table = "frames.csv"',
    "analysis.q_min_per_nm": "the lower end of the q window in 1/nm, below q_max_per_nm",
    "analysis.q_max_per_nm": "the upper end of the q window in 1/nm",
    "analysis.bins": "the number of q bins, 50 to 10000",
    "analysis.slice_um": "the thickness of the slice next to the anode in um",
    "analysis": "a q window with q_min_per_nm below q_max_per_nm, both in 1/nm",
    "imperfections": "the table [imperfections] with monitor_noise, bubble or another thing that goes wrong",
    "imperfections.monitor_noise": "the noise of the monitor from frame to frame, relative",
    "imperfections.monitor_glitch": "frames (numbers in the frame table) and the factor that their monitor reads",
    "imperfections.monitor_drift": "by how much the monitor is read too large in the last frame, relative",
    "imperfections.deposit": "heights_um, and growth_per_s: particles that stay on the windows with each second in the beam",
    "imperfections.transmission_noise": "the noise of the transmission from frame to frame, relative",
    "imperfections.transmission_drift": "by how much the transmission is read too large in the last frame, relative",
    "imperfections.bubble": "heights_um, time_s (from, to) and the share of the path that is gas",
    "imperfections.height_offset_um": "by how much the anode's height in run.toml is too large, in um",
    "imperfections.height_backlash_um": "by how much the beam is higher than said where the stage came from above, in um",
    "imperfections.distance_error": "the error of the distance in the geometry file, relative",
    "imperfections.anode_tilt_mrad": "the tilt of the anode along the beam in mrad, 0 to 50",
    "imperfections.anode_roughness_um": "the rms waviness of the anode in um, 0 to 100",
    "imperfections.islands": "true where crystals are islands that stand in the light, false where they are spread out",
    "imperfections.island_density_per_mm2": "islands per mm2 where there is no [nucleation]",
    "imperfections.double_scattering": "true where photons may be scattered more than once, false where they are not",
    "imperfections.module_off": "modules (numbered from 0), from_s, and the value that they read from then on",
    "imperfections.centre_shift_px": "by how many pixels the beam is beside the centre of the geometry file",
    "imperfections.dead_time_ns": "for how long a pixel is dead after each photon, ns",
    "imperfections.interaction": "between dissolved particles: none, hard-spheres (with their solvated shell) or sticky",
    "imperfections.stickiness": "Baxter's stickiness of the particles, 0.1 to 10: attraction outweighs below 0.25",
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
    "scan.order": _one_of(Order),
    "scan.heights_um": "the heights above the anode to scan, a list in um",
    "scan.scans": "the number of scans over all heights, 1 or more",
    "scan.exposure_s": "the exposure time of a frame in s",
    "solution.distribution": "the path of a CSV table with columns diameter_nm and number",
    "run": "the table [run] with title",
    "run.title": "what the run is called, text in quotes",
    "cell.electrode_area_mm2": "the area of the electrode in mm2",
    "solution.concentration_mg_mL": "the mass of particles per volume of the starting solution in mg/mL",
    "solution.concentration_mg_mL_sigma": "one standard deviation of concentration_mg_mL",
    "solution.mass": 'what concentration_mg_mL weighs, "core" or "core and ligand"',
    "solution.core": "the name of the core, text in quotes (electrosaxs materials lists them)",
    "solution.ligand": "the name of the ligand, text in quotes (electrosaxs materials lists them)",
    "solution.solvent": "the name of the solvent, text in quotes (electrosaxs materials lists them)",
    "materials": "tables [materials.core.NAME], [materials.ligand.NAME] and [materials.solvent.NAME]",
    "materials.core": "tables [materials.core.NAME] with formula and density_g_cm3",
    "materials.ligand": "tables [materials.ligand.NAME] with formula, density_g_cm3, dry_shell_nm and solvated_shell_nm",
    "materials.solvent": "tables [materials.solvent.NAME] with formula, density_g_cm3, viscosity_uPa_s, permittivity and "
    "compressibility_per_GPa",
    "frames.nexus": "the path of a NeXus file",
    "frames.data": "the path of the image stack in the HDF5 file, text in quotes",
    "frames.images": "the path of a folder of images, or a pattern such as raw/*.tif",
    "frames.table": "the path of a table with one row per frame: CSV, scan.spec::7.1, file.h5::/entry/measurement",
    "frames.columns": 'the table [frames.columns] with height = { column = "sam_z", unit = "mm" } and so on',
    **{f"frames.columns.{ours}": words for ours, words in OF_COLUMNS.items()},
    "transport.charge_exponent": "the power of the diameter with which the charge grows (2: surface charge)",
    "transport.diffusivity_scale": "a factor on the diffusivity of Stokes and Einstein, near 1",
    "growth": "the table [growth] with solubility",
    "nucleation": "the table [nucleation] with density_per_mm2, flux_m_per_s and exponent",
    "nucleation.density_per_mm2": "the islands per mm2 that nucleate at flux_m_per_s",
    "nucleation.flux_m_per_s": "the slice flux in m/s at which density_per_mm2 islands nucleate",
    "nucleation.exponent": "the power of the slice flux with which the density grows, 0 to 10",
    "nucleation.nucleation_time_s": "the time in s within which the sites for nuclei run out",
    "nucleation.depletion_length_um": "the distance in um within which an island keeps others from nucleating",
    "dried_film": "the table [dried_film], beside [nucleation]",
    "dried_film.lattice_constant_nm": "the lattice constant of the dried islands in nm",
    "dried_film.contraction_along_normal": "by how much the film's planes are closer along its normal, -0.5 to 0.5",
    "dried_film.mosaic_deg": "the spread of the islands' orientation in degrees",
    "dried_film.displacement_nm": "the rms displacement of particles from their lattice sites in nm",
    "dried_film.detector": "the table [dried_film.detector] with name and distance_m",
    "dried_film.domain_nm": "the size of coherent domains in nm",
    "dried_film.counts_per_um": "the counts in the brightest pixel of the spots for one um of film, above 0",
    "dried_film.incident_angle_deg": "the angle between beam and film in degrees, above 0 and at most 5",
    "dried_film.energy_keV": "the photon energy in keV (10000 eV is 10)",
    "growth.attachment_time_s": "the time in s with which the wall comes to equilibrium, 0 or more",
    "growth.lattice_constant_nm": "the lattice constant of the superlattice in nm",
    "scan.reference_frames": "the number of frames of the starting solution, 0 or more",
    "scan.solvent_frames": "the number of frames of the solvent, 0 or more",
    "scan.alignment": "true or false: whether the anode is scanned as a knife edge",
    "detector.name": "the name of a detector as pyFAI knows it, text in quotes",
    "output": "the table [output] with form and seed",
    "output.form": '"nexus" or "cbf"',
    "output.seed": "a whole number, 0 or more",
    "runs": "a list of run.toml files or folders of finished results",
    "films": "tables [[films]] with voltage_V, gap_mm and images or results",
    "micrographs": "tables [[micrographs]] with voltage_V, gap_mm and images or results",
    **{f"{kind}.{key}": words for kind in ("films", "micrographs") for key, words in OF_EX_SITU.items()},
    "films.geometry": "the path of the pyFAI geometry file (.poni) of the direct beam",
    "films.incident_angle_deg": "the angle between beam and film in degrees, above 0 and at most 5",
    "films.energy_keV": "the photon energy in keV (10000 eV is 10)",
    "micrographs.um_per_pixel": "the size of a pixel in um",
}
PLACE = re.compile(r"\[\d+\]")
"""Which of several: films[0]."""
OF_A_MATERIAL = {
    "formula": "a chemical formula, text in quotes: C18H33O2",
    "density_g_cm3": "the mass density in g/cm3 (7850 kg/m3 is 7.85)",
    "molar_mass_g_mol": "the molar mass in g/mol",
    "dry_shell_nm": "the thickness of the dried ligand shell per side in nm",
    "solvated_shell_nm": "the thickness of the ligand shell in the solvent per side in nm",
    "viscosity_uPa_s": "uPa s at temperature_K, or pairs [[temperature in K, uPa s], ...]",
    "temperature_K": "the temperature in K at which viscosity_uPa_s holds",
    "permittivity": "the relative permittivity, 1 or more",
    "compressibility_per_GPa": "the isothermal compressibility in 1/GPa (1e-9/Pa is 1)",
    "source": "where the values come from, text in quotes",
    "also": "other names, a list of texts in quotes",
}
RULES = {
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be {le} or less",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "has too many digits",
    "bool_type": "must be true or false, without quotes",
    "bool_parsing": "must be true or false, without quotes",
    "string_type": "must be text in quotes",
    "string_too_short": "must not be empty",
    "path_type": "must be the path of a file, text in quotes",
    "list_type": "must be a list in [brackets]",
    "tuple_type": "must be a list in [brackets]",
    "too_short": "must hold at least {min_length} value",
    "literal_error": "must be {expected}",
    "model_type": "must be a table of keys",
    "model_attributes_type": "must be a table of keys",
    "dict_type": "must be a table of keys",
}


def meaning(field: str) -> str | None:
    """What to give for a key, None where nothing is said of it."""
    root, _, rest = field.partition(".")
    if root == "materials" and rest.count(".") > 1:
        return OF_A_MATERIAL.get(rest.rpartition(".")[2])
    return MEANING.get(PLACE.sub("", field))


def rule(kind: str, context: Mapping[str, Any]) -> str:
    """A complaint of pydantic by its kind and what it says of the limits."""
    shown = {key: f"{value:g}" if isinstance(value, float) else str(value) for key, value in context.items()}
    shown = {key: text.replace("'", '"') for key, text in shown.items()}  # names of a Literal
    return RULES[kind].format(**shown) if kind in RULES else "cannot be taken"
