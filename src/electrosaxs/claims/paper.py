"""What Yu et al. 2018 state in words and numbers, and what they did: the claims that the model is held against."""

from __future__ import annotations

import numpy as np

IN_SITU_VOLTAGES = (5.0, 10.0, 20.0, 30.0)
IN_SITU_FIELDS = (14, 28, 57, 86)
"""As the paper writes them (V/cm)."""
EX_SITU_VOLTAGES = (5.0, 30.0)
"""20 and 120 V/cm over 2.5 mm."""
SLICE_M = 50e-6
"""Step of the scan and resolution of the map: "volume fraction at the anode" is the mean of the lowest 50 um."""
SILENT_S = 3.0 * 3600.0
"""At 14 V/cm the band is not reached in about 3 h."""
LAST_PROFILE_S = 55.0 * 60.0
PROFILES_S = 60.0 * np.array([0.0, 5.0, 25.0, 35.0, 55.0])
"""Published profiles at 57 V/cm."""
TENFOLD, TENFOLD_M = 10.0, 250e-6
"""phi rises about 10 times within 250 um of the anode."""
ABOUT = 0.1
"""How far "about 10" reaches, relative (chosen: one digit of it)."""
ABOUT_TENFOLD = (TENFOLD * (1.0 - ABOUT), TENFOLD * (1.0 + ABOUT))
SIZES_UM_NM = ((50.0, 7.4, 0.9), (500.0, 6.9, 1.1), (1000.0, 6.5, 1.3), (1400.0, 5.6, 1.5))
"""Height, mean diameter and deviation at 57 V/cm after 55 min, from fits of Gaussian spheres."""
NARROWING = 0.21
"""By how much delta / d falls near the anode, 15.5 to 12.2 %."""
EX_SITU_S = 3600.0
"""Islands at 20 V/cm after 60 min."""
CLEAR_SPOTS = ((2, 2, 8), (4, 4, 6), (1, 5, 7))
"""Indices, rising, of reflections that the GISAXS pattern shows clearly."""
SOLVATED_NM, DRIED_NM = 15.1, 13.2
"""FCC lattice constants: 57 V/cm in solution, 20 V/cm dried."""
CONTRACTION = 0.35
CONCENTRATION_MG_ML = 4.0
START_NM = (7.1, 1.1)
"""Mean core diameter and deviation of the starting solution."""
EX_SITU_FIELDS = (20, 120)
PHI_PERCENT = 0.08
"""Volume fraction of the starting solution."""
ISLANDS_UM = (1.0, 2.0)
"""Thickness of the islands after 60 min."""
ISLAND_BASE_UM, ISLAND_TOP_UM, ISLAND_UM = 28.5, 26.9, 1.3
