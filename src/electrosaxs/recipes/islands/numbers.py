"""The headline numbers of a sample: density, sizes, distances, shape, amount; each with its sigma and how it came about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...micrographs.density import DensityErrors, images_needed, sample_density
from ...micrographs.edges import FLOOR
from ...micrographs.pairs import Field, clustering, nearest_neighbours
from ...micrographs.thickness import MeanThickness, mean_thickness
from ...nouns import FloatArray, Number
from ...nouns.islands import FieldOfView, Island
from ...physics.tetrahedron import SQRT3, thickness, volume
from .detection import Detection

WANTED = 0.05  # relative sigma of the density for which further images are told
NM3_PER_UM3 = 1e9
IN_CELL = 4  # particles in the conventional cell of FCC
FEW = 5
DOUBTFUL = "perhaps not triangular"
"""How a flag begins that is a doubt about the count."""
SHAPES, SCALE = ("not triangular", DOUBTFUL), ("scale:",)
"""How flags begin that are a doubt about every number of what was found, and about lengths and areas."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The fields of one sample, its density, and what the search miscounts."""

    views: tuple[FieldOfView, ...]
    detection: Detection
    errors: DensityErrors
    lattice_constant_nm: float

    @property
    def islands(self) -> list[Island]:
        """Those that count, more likely islands than not."""
        return [i for view in self.views for i in view.found if i.counts]

    @property
    def fields(self) -> list[Field]:
        """Centres of the islands that count, in the unit of lengths."""
        fields = []
        for view in self.views:
            left, top, width, height = view.used
            length = view.scale.length
            points = np.array([[i.x - left + 0.5, i.y - top + 0.5] for i in view.found if i.counts]).reshape(-1, 2)
            fields.append(Field(points * length, width * length, height * length))
        return fields


def sample_of(views: Sequence[FieldOfView], detection: Detection, lattice_constant_nm: float) -> Sample:
    """The fields together with their density and its errors."""
    return Sample(tuple(views), detection, sample_density(views, detection.variance), lattice_constant_nm)


def numbers_of(sample: Sample, probed: Number | None = None) -> dict[str, Number]:
    """All numbers of the micrographs in numbers.json. probed: thickness from height maps of the same sample."""
    numbers = {**_counted(sample), **_sizes(sample), **_distances(sample), **_shape(sample, probed)}
    of_shape, of_scale = (_doubt(sample.views, begins) for begins in (SHAPES, SCALE))
    grade = "not trustworthy" if any(not view.triangular for view in sample.views) else "doubtful"
    shape, scale = f"{grade}: {of_shape}" if of_shape else "", f"doubtful: {of_scale}" if of_scale else ""
    return {
        name: replace(number, quality=why)
        if number.value is not None
        and (why := (scale if name == "area" else shape or (scale if number.unit != "one" else "")))
        else number
        for name, number in numbers.items()
    }


def _doubt(views: Sequence[FieldOfView], begins: tuple[str, ...]) -> str:
    """What flags that begin so say, of which images; empty: nothing."""
    return "; ".join(f"{view.name}: {flag}" for view in views for flag in view.flags if flag.startswith(begins))


def _counted(sample: Sample) -> dict[str, Number]:
    views, errors, scale = sample.views, sample.errors, sample.views[0].scale
    unit, area_unit = scale.density_unit, "mm^2" if scale.um_per_pixel else "Mpx"
    wrong = [view for view in views if not view.triangular]
    found = sum(len([i for i in view.found if i.counts]) for view in views)
    touching = _merged(views)
    count_sigma = errors.detection * errors.area
    covered = float(np.average([view.covered for view in views], weights=[view.area for view in views]))
    numbers = {
        "island_count_found": Number(float(found), None, "one", "islands more likely than not, centre in the area used"),
        "area": Number(errors.area, None, area_unit, f"area used of {len(views)} image(s); scale: {scale.source}"),
        "covered_fraction": Number(covered, None, "one", "share of the area that stands out from the substrate"),
    }  # fmt: skip
    if wrong:
        reason = f"{wrong[0].name}: {next(f for f in wrong[0].flags if f.startswith('not triangular'))}"
        return {
            "nucleation_density": Number.absent(unit, reason),
            "nucleation_density_counting_sigma": Number.absent(unit, reason),
            "nucleation_density_field_to_field": Number.absent(unit, reason),
            "island_count": Number.absent("one", reason),
            **numbers,
            "merged_fraction": Number.absent("one", reason),
        }
    return {
        "nucleation_density": Number(errors.density, errors.sigma, unit, density_in_words(sample)),
        "nucleation_density_counting_sigma": Number(errors.counting, None, unit, "Poisson, of the islands counted"),
        "nucleation_density_field_to_field": Number.absent(unit, "one image has no scatter from field to field")
        if errors.field_to_field is None
        else Number(errors.field_to_field, None, unit, f"standard deviation over {len(views)} images"),
        "island_count": Number(
            errors.count, count_sigma, "one",
            "probabilities of islands with their centre in the area used and 30 % of the base showing; sigma: detection",
        ),
        **numbers,
        "merged_fraction": Number(touching, _share_sigma(touching, found), "one", "share of islands that touch another"),
    }  # fmt: skip


def density_in_words(sample: Sample) -> str:
    """What dominates the density's sigma, and how many more images a sigma of WANTED needs."""
    errors = sample.errors
    more = images_needed(errors, sample.views, WANTED)
    if errors.density == 0.0:
        return "no island found; sigma: one island"
    relative = errors.sigma / errors.density
    doubt = [f"{v.name} is {flag}" for v in sample.views for flag in v.flags if flag.startswith(DOUBTFUL)]
    text = f"{'; '.join([*doubt, ''])}sigma is {relative:.1%}, mostly {errors.dominant}"
    if relative <= WANTED:
        return text
    if more is None:
        return f"{text}; detection alone exceeds {WANTED:.0%}, more images do not help"
    return f"{text}; {WANTED:.0%} needs {more} more image(s) like these"


def _merged(views: Sequence[FieldOfView]) -> float:
    shares = [merged_share(view) for view in views]
    weights = [sum(i.counts for i in view.found) for view in views]
    return float(np.average(shares, weights=weights)) if sum(weights) else 0.0


def merged_share(view: FieldOfView) -> float:
    """Share of the islands that count that share their group with another island."""
    groups = [i.group for i in view.found]
    counted = [i for i in view.found if i.counts]
    return sum(groups.count(i.group) > 1 for i in counted) / len(counted) if counted else 0.0


def _share_sigma(share: float, number: int) -> float | None:
    return float(np.sqrt(max(share * (1.0 - share), 0.25 / number) / number)) if number else None


def _sizes(sample: Sample) -> dict[str, Number]:
    unit, edges = sample.views[0].scale.unit, base_edges(sample)
    if len(edges) < 2:
        why = "fewer than two islands"
        return {"base_edge_mean": Number.absent(unit, why), "base_edge_spread": Number.absent(unit, why)}
    spread = float(np.std(edges, ddof=1))
    own = np.array([i.edge_sigma for i in sample.islands if not i.border]) * sample.views[0].scale.length
    sigma = float(np.hypot(spread / np.sqrt(len(edges)), 0.3 * np.median(own))) if len(own) else spread
    which = f"of {len(edges)} islands that the frame does not cut, before the tips were cut"
    seen = [view for view in sample.views if not view.edge_hidden]  # a facet, before which the base edge lies
    sigma = float(np.linalg.norm([sigma, shared_edge_sigma(sample), 2.0 * SQRT3 * _of_all_steps(seen)]))
    hidden = 2.0 * SQRT3 * float(np.median([v.blur for v in sample.views if v.edge_hidden] or [0.0]))
    if any(view.edge_shared for view in sample.views):
        which += "; a rim or a halo hides where they lie (flags), which sigma contains"
    if hidden:
        which += (
            f"; no facet is seen: base edges are up to {hidden:.1f} px longer where blur hides one, which sigma contains, and "
            "by 3.5 times its width where it has the substrate's grey, which sigma does not"
        )
    return {
        "base_edge_mean": Number(float(edges.mean()), sigma, unit, which),
        "base_edge_spread": Number(
            spread, spread / np.sqrt(2.0 * (len(edges) - 1)), unit, "standard deviation " + which
        ),
    }


def shared_edge_sigma(sample: Sample) -> float:
    """Of all base edges together, in the unit of lengths: the mean over fields of what their rims, halos and blur hide."""
    return float(np.mean([np.hypot(v.edge_shared, v.edge_hidden) * v.scale.length for v in sample.views]))


def base_edges(sample: Sample) -> FloatArray:
    """Base edges of the islands that count and that the frame does not cut, in the unit of lengths."""
    return np.array([i.edge * v.scale.length for v in sample.views for i in v.found if i.counts and not i.border])


def _distances(sample: Sample) -> dict[str, Number]:
    unit, fields = sample.views[0].scale.unit, sample.fields
    number = sum(len(f.points) for f in fields)
    if number < FEW:
        why = f"{number} islands are too few"
        return {"nearest_neighbour_distance": Number.absent(unit, why), "clustering": Number.absent("one", why)}
    nearest = nearest_neighbours(fields)
    value, sigma = clustering(fields)
    verdict = (
        "as random points"
        if abs(value - 1.0) < 2.0 * sigma
        else ("they avoid each other" if value < 1 else "clustered")
    )
    return {
        "nearest_neighbour_distance": Number(
            float(nearest.mean()), float(nearest.std() / np.sqrt(len(nearest))), unit,
            f"mean over {len(nearest)} islands nearer to their neighbour than to the frame",
        ) if len(nearest) > 1 else Number.absent(unit, "no island is nearer to its neighbour than to the frame"),
        "clustering": Number(
            value, sigma, "one",
            f"pairs within the mean spacing over those of random points, frame corrected; sigma of random points: {verdict}",
        ),
    }  # fmt: skip


def _shape(sample: Sample, probed: Number | None) -> dict[str, Number]:
    """Thickness, volume and amount. probed: thickness from height maps, for volumes where edges give none."""
    scale = sample.views[0].scale
    resolved = [(v, i) for v in sample.views for i in v.found if i.counts and np.isfinite(i.top_edge)]
    if len(resolved) >= 2:
        thick = np.array([thickness(i.edge, i.top_edge) for _, i in resolved]) * scale.length
        own = np.array([i.thickness_sigma for _, i in resolved]) * scale.length
        limits = np.array([i.thinner_than for i in sample.islands if np.isfinite(i.thinner_than)]) * scale.length
        found = mean_thickness(thick, own, limits)
        beside = thickness(float(np.mean([v.edge_shared * v.scale.length for v in sample.views])), 0.0)  # a halo
        found = replace(found, sigma=float(np.linalg.norm([found.sigma, _of_all_facets(sample), beside])))
        which = f"sqrt(2/3) (L_base - L_top) of {len(resolved)} islands whose facets are resolved"
        which += ", with what blur leaves open of all of them in sigma"
        which += f"; {len(limits)} more are thinner than is resolved, and counted so" if len(limits) else ""
        return {"island_thickness": Number(found.mean, found.sigma, scale.unit, which)} | _volumes(
            sample, found, "unresolved islands with the mean of those that are not resolved"
        )
    reasons = [i.why_no_top for i in sample.islands if i.why_no_top]
    most = Counter(reasons).most_common(1)  # of equally many the first island's, whatever the order of a set
    why = f"top edges are not resolved, for instance: {most[0][0]}" if most else "no islands"
    none = {"island_thickness": Number.absent(scale.unit, why)}
    if probed is not None and probed.value and probed.sigma and scale.um_per_pixel and len(sample.islands) >= 2:
        given = MeanThickness(probed.value, probed.sigma, 0.0)
        return none | _volumes(sample, given, "all with the thickness from height maps, island_thickness_afm")
    return none | {
        "island_volume": Number.absent(f"{scale.unit}^3", why), "particles_per_island": Number.absent("one", why),
        "amount_per_area": Number.absent(scale.unit, why),
    }  # fmt: skip


def _of_all_facets(sample: Sample) -> float:
    """What is not known of the thickness of all islands alike, that of both edges of a facet. T = sqrt(2/3) 2 sqrt(3) w."""
    return float(thickness(2.0 * SQRT3 * np.sqrt(2.0) * _of_all_steps(sample.views), 0.0))


def _of_all_steps(views: Sequence[FieldOfView]) -> float:
    """Where the steps of all islands lie alike is not known better than FLOOR of a blur, however many there are: profiles are
    averaged up to the corners, which blur rounds, and blur and the width of a facet are hardly told apart. In the unit of
    lengths."""
    blurs = [view.blur * view.scale.length for view in views if np.isfinite(view.blur)]
    return FLOOR * float(np.mean(blurs)) if blurs else 0.0


def _volumes(sample: Sample, thick: MeanThickness, how: str) -> dict[str, Number]:
    """Volume of an island, particles in it, and volume per area."""
    scale = sample.views[0].scale
    volumes = np.array([_volume(i, thick, scale.length) for i in sample.islands]) * scale.length**3
    each, each_sigma = float(volumes.mean()), float(volumes.std(ddof=1) / np.sqrt(len(volumes)))
    hidden = 2.0 * shared_edge_sigma(sample) / float(np.mean([i.edge * scale.length for i in sample.islands]))
    each_sigma = float(np.linalg.norm([each_sigma, each * thick.sigma / thick.mean, each * hidden]))
    amount = each * sample.errors.count / sum(v.used[2] * v.used[3] * v.scale.length**2 for v in sample.views)
    relative = float(np.hypot(each_sigma / each, sample.errors.sigma / max(sample.errors.density, 1e-300)))
    numbers = {
        "island_volume": Number(each, each_sigma, f"{scale.unit}^3", f"mean truncated tetrahedron; {how}"),
        "amount_per_area": Number(
            amount, amount * relative, scale.unit, f"volume of islands per area of the image; {how}"
        ),
    }  # fmt: skip
    if scale.um_per_pixel is None:
        numbers["particles_per_island"] = Number.absent("one", "lengths are in pixels: give --um-per-pixel")
        return numbers
    per_volume = IN_CELL / sample.lattice_constant_nm**3 * NM3_PER_UM3
    numbers["particles_per_island"] = Number(
        each * per_volume, each_sigma * per_volume, "one",
        f"FCC with a = {sample.lattice_constant_nm:g} nm (--lattice-constant-nm), 4 particles per cell",
    )  # fmt: skip
    return numbers


def _volume(island: Island, thick: MeanThickness, length: float) -> float:
    """In pixels cubed; an island whose top is not resolved is as thick as those are on average, or a whole tetrahedron below
    it."""
    top = island.top_edge
    if not np.isfinite(top):
        limit = island.thinner_than * length
        mean = thick.below(limit) if np.isfinite(limit) and thick.spread > 0.0 else thick.mean
        top = max(0.0, island.edge - mean / length * float(np.sqrt(1.5)))
    return float(volume(island.edge, top, island.truncation))
