"""Constants of nature in SI units. The first five are exact by the definition of the units (2019)."""

PLANCK_J_S = 6.62607015e-34
LIGHT_M_PER_S = 299792458.0
ELEMENTARY_CHARGE_C = 1.602176634e-19
AVOGADRO_PER_MOL = 6.02214076e23
BOLTZMANN_J_PER_K = 1.380649e-23
VACUUM_PERMITTIVITY_F_PER_M = 8.8541878188e-12
"""CODATA 2022."""
ELECTRON_RADIUS_M = 2.8179403205e-15
"""Classical radius of the electron, CODATA 2022."""
