"""Cores, ligands and solvents: built-in tables, one a file, beside the tables that a file brings of its own.

cores, ligands, solvents: the values, each with its source; a new one is one entry there. choice: the materials of a
solution by their names. xrays: what xraydb knows of them at the energy of the run (xray_tables reads it).
constants: of nature.
"""

from ..nouns.material import REFERENCE_TEMPERATURE_K
from .choice import TABLES, check_own, core_named, core_of, ligand_named, ligand_of, solvent_of
from .cores import CORES
from .ligands import LIGANDS
from .solvents import SOLVENTS
from .xrays import HC_KEV_NM, attenuation_per_m, molar_mass_g_mol, scattering_length_density_per_m2, wavelength_nm
