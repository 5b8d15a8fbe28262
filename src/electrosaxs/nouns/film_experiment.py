"""A film to simulate: what its TOML says. Units stand in the names; see docs/how-to/gisaxs.md."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from .detector_geometry import LONGEST_DISTANCE_M
from .run import RunTitle
from .settings import Finite, NotNegative, Positive, Settings

Texture = Literal["in-plane powder", "random", "disordered", "empty"]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class FilmSettings(Settings):
    """A superlattice film on a substrate.

    lattice_constant_nm: conventional a of the unstrained cell in the plane (HCP: nearest neighbour). texture: crystals with
    the plane `normal` on the substrate and any azimuth, of any orientation, particles without order, or no particles.
    powder_share: share of the crystals that have any orientation; second_share: of those that are left, share of the ones
    with the plane second_normal on the substrate. fault_probability: of a fault per close-packed layer.
    """

    lattice: Literal["FCC", "BCC", "SC", "HCP"] = "FCC"
    normal: list[int] = Field(default=[1, 1, 1], min_length=3, max_length=3)
    lattice_constant_nm: Positive = 13.2
    contraction_along_normal: Annotated[float, Field(gt=-0.5, lt=0.5)] = 0.0
    texture: Texture = "in-plane powder"
    core: str = "Ag"
    ligand: str = "1-dodecanethiol"
    substrate: str = "Si"
    substrate_density_g_cm3: Positive = 2.33
    core_diameter_nm: Positive = 7.1
    core_sigma_nm: Positive = 0.5
    thickness_nm: Positive = 1300.0
    mosaic_deg: NotNegative = 0.5
    domain_nm: Positive = 250.0
    displacement_nm: NotNegative = 0.35
    powder_share: Share = 0.0
    second_normal: list[int] = Field(default=[1, 0, 0], min_length=3, max_length=3)
    second_share: Share = 0.0
    fault_probability: Annotated[float, Field(ge=0, lt=0.5)] = 0.0

    @model_validator(mode="after")
    def _normal_is_a_plane(self) -> FilmSettings:
        if not any(self.normal) or not any(self.second_normal):
            raise ValueError(
                "normal and second_normal must not be 0 0 0; give the Miller indices of the plane on the substrate"
            )
        return self


class FilmBeam(Settings):
    """Photon energy, angle between beam and surface, length of the sample that the beam lights, counts in the brightest pixel
    of the spots, and of the background: near the beam stop, and everywhere."""

    energy_keV: Annotated[float, Field(gt=1, lt=200)] = 10.0
    incident_angle_deg: Annotated[float, Field(gt=0, le=5)] = 0.31
    lit_length_mm: NotNegative = 0.0
    brightest_counts: NotNegative = 3000.0
    parasitic_counts: NotNegative = 200.0
    flat_counts: NotNegative = 0.3


class FilmDetector(Settings):
    """A detector by its name in pyFAI, its distance, the direct beam's place on it and its tilts (pyFAI's rotations)."""

    name: str = "Pilatus2M"
    distance_m: Annotated[float, Field(gt=0, le=LONGEST_DISTANCE_M)] = 1.83301
    beam_row: Finite = 1400.0
    beam_column: Finite = 737.0
    rot1_deg: Annotated[float, Field(gt=-45, lt=45)] = 0.0
    rot2_deg: Annotated[float, Field(gt=-45, lt=45)] = 0.0
    rot3_deg: Finite = 0.0
    beam_stop_mm: NotNegative = 5.0


class DriedFilm(Settings):
    """The dried anode of a simulated cell before a beam at grazing incidence: what its islands do not say.

    lattice_constant_nm: as `FilmSettings`; absent: that of particles whose dry shells touch. domain_nm: of coherent domains,
    no larger than the islands. counts_per_um: in the brightest pixel of the spots, where islands hold one um of film.
    """

    lattice_constant_nm: Positive | None = None
    contraction_along_normal: Annotated[float, Field(gt=-0.5, lt=0.5)] = 0.0
    mosaic_deg: NotNegative = 0.5
    domain_nm: Positive = 250.0
    displacement_nm: NotNegative = 0.35
    energy_keV: Annotated[float, Field(gt=1, lt=200)] = 10.0
    incident_angle_deg: Annotated[float, Field(gt=0, le=5)] = 0.31
    counts_per_um: Positive = 20000.0
    detector: FilmDetector = FilmDetector()


class FilmOutput(Settings):
    """The seed that decides every count."""

    seed: Annotated[int, Field(ge=0)] = 1


class FilmExperiment(Settings):
    """All that is needed to simulate a GISAXS frame: the tables of a TOML file with [film]."""

    run: RunTitle = RunTitle()
    film: FilmSettings = FilmSettings()
    beam: FilmBeam = FilmBeam()
    detector: FilmDetector = FilmDetector()
    output: FilmOutput = FilmOutput()
