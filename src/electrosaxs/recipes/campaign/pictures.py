"""The figures of a campaign with their captions: trends with their fits, and curves of each field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...figures import campaign as trend_figures
from ...figures import campaign_curves, campaign_islands
from ...figures.gallery import Drawn, drawn
from ...figures.style import Omitted
from ...nouns.campaign import Join
from ...nouns.trends import Member, Published, Trend
from .panels import BASE_EDGES, DISTANCES, FILM_FIELD, HEIGHTS, nearest_with
from .trends import HOW_JOINED, points_as_trend

Marks = Mapping[str, Sequence[Published]]
SLOPE = "Lines: straight lines with errors in both axes. Bars: total σ."
POWER = "Lines: power laws with errors in both axes. Bars: total σ."


def campaign_figures(members: Sequence[Member], trends: Mapping[str, Trend], marks: Marks, join: Join) -> list[Drawn]:
    """Every figure, drawn or with the reason why not; marks: published numbers and truths by figure."""
    return [*_fluxes_and_densities(trends, marks, join), *_sizes_and_amounts(members, trends, marks, join),
            *_curves(members, marks), *_islands(members, marks)]  # fmt: skip


def _fluxes_and_densities(trends: Mapping[str, Trend], marks: Marks, join: Join) -> list[Drawn]:
    flux, density, joined = "flux_against_field", "nucleation_density_against_field", "nucleation_density_against_flux"
    return [
        drawn(
            flux, f"Slice flux (accumulation rate next to the anode) and supply φ₀v against the field. {POWER}",
            trend_figures.flux_against_field(
                trends["slice_flux_exponent"], trends["supply_flux_exponent"], marks.get(flux, ())
            ),
        ),
        drawn(
            density, f"Islands per area against the field. {POWER}",
            trend_figures.nucleation_density_against_field(
                trends["nucleation_density_exponent"], marks.get(density, ())
            ),
        ),
        drawn(
            joined, f"Islands per area against the fluxes of the runs, joined {HOW_JOINED[join]}. {POWER}",
            trend_figures.nucleation_density_against_flux(
                trends["nucleation_density_exponent_slice_flux"], trends["nucleation_density_exponent_supply_flux"],
                marks.get(joined, ()),
            ),
        ),
    ]  # fmt: skip


def _sizes_and_amounts(members: Sequence[Member], trends: Mapping[str, Trend], marks: Marks, join: Join) -> list[Drawn]:
    lattice, sizes, amounts = "lattice_constant_against_field", "anode_sizes_against_field", "amounts"
    return [
        drawn(
            lattice,
            f"Lattice constants of solvated (diamonds) and of dried (squares) superlattices against the field. {SLOPE}",
            trend_figures.lattice_constant_against_field(
                trends["lattice_constant_solvated_slope"], trends["lattice_constant_dried_slope"], marks.get(lattice, ())
            ),
        ),
        drawn(
            sizes,
            "Mean core diameter d (a) and polydispersity δ/d (b) at the anode in the last scan of each run. Bars: total σ.",
            trend_figures.anode_sizes_against_field(
                trends["anode_diameter_slope"], points_as_trend(members, "run", "anode_polydispersity", join),
                _start(members), marks.get(sizes, ()),
            ),
        ),
        drawn(
            amounts,
            "Particle volume (core + dry shell) per area: what the sealed cell no longer shows in the last scan of each "
            "run, and what the islands of each sample hold. Bars: total σ.",
            trend_figures.amounts(
                points_as_trend(members, "run", "crystallised_amount", join),
                points_as_trend(members, "micrographs", "island_amount", join), marks.get(amounts, ()),
            ),
        ),
    ]  # fmt: skip


def _curves(members: Sequence[Member], marks: Marks) -> list[Drawn]:
    profiles = "size_profiles_by_field"
    return [
        drawn(
            "radial_intensity_by_field",
            "Mean intensity of each dried film over |q|, shifted by tens: an oriented film, no powder average.",
            campaign_curves.radial_intensity_by_field(members, marks.get("radial_intensity_by_field", ())),
        ),
        drawn(
            "anode_growth_by_field",
            "φ at the anode against time, with the line before the onset (dotted). Grey: φ of 0.7 to 1.2 %, in which "
            "superlattices formed in Yu et al. 2018. Bars: total σ.",
            campaign_curves.anode_growth_by_field(members),
        ),
        drawn(
            profiles,
            "Mean core diameter d (a) and polydispersity δ/d (b) over the height in the last scan of each run. Dashed: the "
            "starting solution. Bars: total σ.",
            campaign_curves.size_profiles_by_field(members, marks.get(profiles, ())),
        ),
        drawn(
            "anode_curves_by_field", "Scattering of the lowest voxel in the last scan of each run, shifted by tens.",
            campaign_curves.anode_curves_by_field(members, marks.get("anode_curves_by_field", ())),
        ),
    ]  # fmt: skip


def _islands(members: Sequence[Member], marks: Marks) -> list[Drawn]:
    """Of the sample whose field is nearest to that of the published islands: a line over an island, edges, neighbours."""
    found = []
    for name, maker, number, caption in (
        (HEIGHTS, campaign_islands.height_profile, "island_thickness_afm",
         "Height along the dotted line, {of}; red: mean terrace over the substrate of all islands on the map."),
        (BASE_EDGES, campaign_islands.base_edges, "base_edge_mean", "Base edges of the islands, {of}; line: mean."),
        (DISTANCES, campaign_islands.particle_distances, "particle_spacing",
         "How far particles of the face are apart, {of}; red: spacing d of its lattice, √3 d and 2 d."),
    ):  # fmt: skip
        one = nearest_with(members, name, FILM_FIELD)
        if one is None:
            found.append(drawn(name, caption.format(of="no sample"), Omitted(f"no sample of micrographs has a {name}")))
            continue
        figure = maker(one.curves[name], one.number(number), marks.get(name, ()))
        found.append(drawn(name, caption.format(of=f"{one.label} ({one.name})"), figure))
    return found


def _start(members: Sequence[Member]) -> tuple[float | None, float | None]:
    """Diameter and polydispersity of the starting solution of the first run that has them."""
    for one in members:
        values = tuple(one.number(name).value for name in ("starting_diameter", "starting_polydispersity"))
        if one.kind == "run" and values[0] is not None:
            return values[0], values[1]
    return None, None
