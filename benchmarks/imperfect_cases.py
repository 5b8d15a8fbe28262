"""The runs of `imperfect.py`: what is wrong in each, and the run that it is wrong in."""

from __future__ import annotations

from typing import Any

Changes = dict[str, dict[str, Any]]
HEIGHTS = [0.0, 50.0, 100.0, 150.0, 300.0, 700.0, 1500.0, 3400.0]
BASE: Changes = {
    "cell": {"gap_mm": 3.5, "path_length_mm": 10.0, "anode_height_um": 4.6},
    "solution": {"volume_fraction": 8e-4, "core_diameter_nm": 7.1, "core_sigma_nm": 1.1},
    "voltage": {"time_s": [0.0], "voltage_V": [30.0]},
    "transport": {"effective_charge": 0.045},
    "scan": {"duration_s": 900.0, "heights_um": HEIGHTS, "scans": 6, "reference_frames": 3, "solvent_frames": 3},
    "beam": {"energy_keV": 13.3, "fwhm_um": 34.0},
    "detector": {"name": "Pilatus100k", "distance_m": 0.8},
}


def wrong(**fault: Any) -> Changes:
    """Changes that are one fault."""
    return {"imperfections": fault}


def bubble(height_um: float, share: float) -> Changes:
    """Gas at one height in two scans."""
    return wrong(bubble={"heights_um": [height_um], "time_s": [300.0, 600.0], "share": share})


def up_and_down(backlash_um: float) -> Changes:
    """Play of a stage that scans both ways."""
    return {**wrong(height_backlash_um=backlash_um), "scan": {**BASE["scan"], "order": "alternating"}}


CASES: dict[str, Changes] = {
    "nothing": {},
    "monitor 30 % high, 3 frames": wrong(monitor_glitch={"frames": [30, 37, 44], "factor": 1.3}),
    "monitor 3 % high, 3 frames": wrong(monitor_glitch={"frames": [30, 37, 44], "factor": 1.03}),
    "monitor noise 0.5 %": wrong(monitor_noise=0.005),
    "monitor noise 2 %": wrong(monitor_noise=0.02),
    "transmission noise 0.2 %": wrong(transmission_noise=0.002),
    "transmission noise 1 %": wrong(transmission_noise=0.01),
    "transmission drifts 0.3 %": wrong(transmission_drift=0.003),
    "transmission drifts 3 %": wrong(transmission_drift=0.03),
    "gas 5 %, two scans at 150 um": bubble(150.0, 0.05),
    "gas 40 %, two scans at 150 um": bubble(150.0, 0.4),
    "gas 2 %, two scans at the anode": bubble(0.0, 0.02),
    "gas 5 %, two scans at the anode": bubble(0.0, 0.05),
    "gas 40 %, two scans at the anode": bubble(0.0, 0.4),
    "anode 3 um off": wrong(height_offset_um=3.0),
    "anode 7 um off": wrong(height_offset_um=7.0),
    "monitor drifts 0.3 %": wrong(monitor_drift=0.003),
    "monitor drifts 2 %": wrong(monitor_drift=0.02),
    "deposit at 300 um, 0.01 % a second": wrong(deposit={"heights_um": [300.0], "growth_per_s": 1e-4}),
    "deposit at 300 um, 0.2 % a second": wrong(deposit={"heights_um": [300.0], "growth_per_s": 2e-3}),
    "deposit at 700 um, 0.2 % a second": wrong(deposit={"heights_um": [700.0], "growth_per_s": 2e-3}),
    "dead time 0.5 us": wrong(dead_time_ns=500.0),
    "dead time 5 us": wrong(dead_time_ns=5000.0),
    "centre 1 px off": wrong(centre_shift_px=1.0),
    "centre 3 px off": wrong(centre_shift_px=3.0),
    "distance 0.2 % off": wrong(distance_error=0.002),
    "distance 1 % off": wrong(distance_error=0.01),
    "play of 2 um, up and down": up_and_down(2.0),
    "play of 6 um, up and down": up_and_down(6.0),
    "anode 2 um wavy": wrong(anode_roughness_um=2.0),
    "anode 6 um wavy": wrong(anode_roughness_um=6.0),
    "hard spheres": wrong(interaction="hard-spheres"),
    "sticky, tau 0.2": wrong(interaction="sticky", stickiness=0.2),
    "double scattering": wrong(double_scattering=True),
}


def growing(scans: int, duration_s: float, tau_s: float) -> Changes:
    """A run at whose anode crystals grow, with `scans` in `duration_s` and attachment that takes `tau_s`."""
    return {
        "growth": {"solubility": 0.011, "attachment_time_s": tau_s, "lattice_constant_nm": 15.1},
        "scan": {
            **BASE["scan"],
            "heights_um": [0.0, 50.0, 100.0, 200.0, 600.0, 3400.0],
            "scans": scans,
            "duration_s": duration_s,
        },
        "detector": {"name": "Pilatus300k", "distance_m": 1.99389},
    }


ONSETS: dict[str, Changes] = {
    "scans every 60 s": growing(16, 960.0, 40.0),
    "scans every 100 s": growing(10, 1000.0, 40.0),
    "scans every 150 s": growing(8, 1200.0, 40.0),
    "scans every 240 s": growing(6, 1440.0, 40.0),
    "every 100 s, attachment at once": growing(10, 1000.0, 1.0),
    "every 100 s, attachment in 200 s": growing(10, 1000.0, 200.0),
}


def with_crystals(solubility: float = 0.009, heights: list[float] | None = None, **fault: Any) -> Changes:
    """25 minutes of a run at whose anode crystals grow, with one fault."""
    scan = {"duration_s": 1500.0, "scans": 7, "heights_um": heights or [0.0, 50.0, 100.0, 250.0, 600.0, 1500.0, 3450.0]}
    growth = {"solubility": solubility, "attachment_time_s": 40.0, "lattice_constant_nm": 15.1}
    return {"growth": growth, "scan": {**BASE["scan"], **scan}, "imperfections": fault}


CRYSTALS: dict[str, Changes] = {
    "nothing": with_crystals(),
    "nothing, solubility 0.007": with_crystals(0.007),
    "four heights": with_crystals(heights=[0.0, 50.0, 1000.0, 3400.0]),
    "four heights, none near": with_crystals(heights=[0.0, 300.0, 1000.0, 3400.0]),
    "monitor drifts 0.3 %": with_crystals(monitor_drift=0.003),
    "monitor drifts 2 %": with_crystals(monitor_drift=0.02),
    "transmission drifts 0.3 %": with_crystals(transmission_drift=0.003),
    "transmission drifts 3 %": with_crystals(transmission_drift=0.03),
    "monitor noise 2 %": with_crystals(monitor_noise=0.02),
    "dead time 0.5 us": with_crystals(dead_time_ns=500.0),
    "dead time 5 us": with_crystals(dead_time_ns=5000.0),
    "distance 0.2 % off": with_crystals(distance_error=0.002),
    "distance 1 % off": with_crystals(distance_error=0.01),
    "centre 1 px off": with_crystals(centre_shift_px=1.0),
    "centre 3 px off": with_crystals(centre_shift_px=3.0),
    "islands, even anode": with_crystals(islands=True),
    "islands, 1 mrad": with_crystals(islands=True, anode_tilt_mrad=1.0),
    "islands, 5 mrad": with_crystals(islands=True, anode_tilt_mrad=5.0),
    "islands, 1 mrad, 2 um wavy": with_crystals(islands=True, anode_tilt_mrad=1.0, anode_roughness_um=2.0),
    "double scattering": with_crystals(double_scattering=True),
}
TOLD_DISTANCE = 0.01
"""Relative sigma that run.toml states where the distance is wrong: no frame tells it."""
GROUPS = {"imperfections": CASES, "onset": ONSETS, "crystals": CRYSTALS}
