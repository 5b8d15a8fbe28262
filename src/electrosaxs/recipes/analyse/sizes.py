"""Free-form size distributions of the last scan: every voxel on its own or, where the cell is sealed, all of them together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipp as sc

from ...analysis.free_form.basis import SizeBasis
from ...analysis.free_form.conserved import ScanGeometry, conserved_sizes
from ...analysis.free_form.each_curve import FreeFormFit, free_form_sizes
from ...analysis.free_form.gaussian import GaussianVerdict, gaussian_is_enough
from ...analysis.free_form.limits import observable_sizes
from ...analysis.free_form.moments import Estimate, size_moments
from ...analysis.kinetics.scan_map import ScanMap
from ...errors import ElectrosaxsError
from ...nouns import FloatArray, Number, SampleIntensity, SizeDistribution, VolumeFraction
from .measured_run import MeasuredRun

FEWEST_HEIGHTS = 4
LARGEST_UNSEEN_SHARE = 0.1
"""Of the gap, below the lowest and above the highest height: with more, the sum over the cell is not known."""
COMPLETE = 0.6
"""Share of the heights that the last scan must hold; else the scan before it is taken."""
MICROMETRES = 1e3
SMALL = 0.6
"""Small particles: below this share of the starting solution's mean diameter (4.3 nm of 7.1)."""


@dataclass(frozen=True, eq=False)
class SizeStudy:
    """distribution: None where there are no curves to invert; numbers and notes say the rest in the report."""

    distribution: SizeDistribution | None
    numbers: dict[str, Number] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Scan:
    """The voxels of one scan that hold spheres: height indices, frames of the table, and their curves."""

    index: int
    heights: npt.NDArray[np.intp]
    sample: SampleIntensity


def size_distributions(
    measured: MeasuredRun, *, phi: VolumeFraction | None = None, crystals: FloatArray | None = None
) -> SizeStudy:
    """Distributions d phi / dd of the last complete scan, dims (scan, height, diameter) with one scan.

    phi: the map with its footprint correction; without it phi and heights are those that the curves show. crystals
    (scan, height): crystalline fraction; such voxels are left out, and with them the conservation of each size.
    """
    scan, standard, grid = _last_scan(measured, crystals), measured.standard, measured.grid
    if scan is None:
        return SizeStudy(None, notes=("size distributions: no scan holds two usable voxels without crystals",))
    basis = SizeBasis.of(scan.sample.coord("q"), shell=standard.dry_shell_nm)
    fit = free_form_sizes(scan.sample, basis)
    start = free_form_sizes(standard.reference, basis, workers=1)
    if not start.seen[0] or not fit.seen.any():
        return SizeStudy(None, notes=("size distributions: the curves show no particles",))
    verdicts = gaussian_is_enough(scan.sample, fit)
    geometry, why_not = _geometry(measured, scan, phi, fit, crystals)
    note = f"size distributions: each height on its own, because {why_not}" if why_not else (
        "size distributions: all heights together, the sum of each size over the cell that of the starting solution"
    )  # fmt: skip
    if not why_not:
        try:
            together = conserved_sizes(scan.sample, standard.reference, basis, geometry)
            fit, start = together.fit, together.start
        except ElectrosaxsError as error:
            why_not = str(error)
            note = f"size distributions: each height on its own, because {error}"
    distribution = _distribution(measured, scan, fit, start, geometry.factor, conserved=not why_not)
    return SizeStudy(
        distribution,
        _numbers(start),
        (note, f"size distributions: {observable_sizes(start).words()}", _verdict_note(verdicts, grid, scan)),
    )


def _last_scan(measured: MeasuredRun, crystals: FloatArray | None) -> _Scan | None:
    """The last scan that is nearly complete, or the fullest one."""
    grid = measured.grid
    known = grid.measured if crystals is None else grid.measured & ~(crystals > 0.0)
    count = known.sum(axis=1)
    if count.max(initial=0) < 2:
        return None
    index = int(np.flatnonzero(count >= min(count.max(), COMPLETE * grid.heights.size))[-1])
    heights = np.flatnonzero(known[index])
    rows = [np.flatnonzero(grid.used & (grid.scan == index) & (grid.height_index == h))[0] for h in heights]
    return _Scan(index, heights, measured.curves_alone(np.array(rows)))


def _geometry(
    measured: MeasuredRun,
    scan: _Scan,
    phi: VolumeFraction | None,
    fit: FreeFormFit,
    crystals: FloatArray | None,
) -> tuple[ScanGeometry, str]:
    """Where and when the scan's voxels are, and why their sum is not known (empty where it is)."""
    shown, grid = measured.on_map("phi"), measured.grid
    mean = shown if phi is None else phi.values
    position = grid.heights if phi is None else phi.coord("height_effective")
    factor = np.nan_to_num((mean / shown)[scan.index, scan.heights], nan=1.0)
    time = grid.time[scan.index, scan.heights]
    step = np.zeros(scan.heights.size)
    if scan.index > 0:
        now, before = mean[scan.index, scan.heights], mean[scan.index - 1, scan.heights]
        rate = (now - before) / (now * (time - grid.time[scan.index - 1, scan.heights]))
        step = np.nan_to_num(rate) * (time.mean() - time)
    gap = MICROMETRES * measured.run.cell.gap_mm
    place = position[scan.heights]
    unseen = (max(float(place.min()), 0.0) + gap - float(place.max())) / gap
    why = ""
    if crystals is not None and np.any(crystals > 0.0):
        why = "crystals hold some of the particles"
    elif scan.heights.size < FEWEST_HEIGHTS or unseen > LARGEST_UNSEEN_SHARE:
        why = f"the scan leaves {100.0 * unseen:.0f} % of the gap unseen"
    elif not fit.seen.all():
        why = f"{int((~fit.seen).sum())} curves show no particles"
    return ScanGeometry(place, gap, factor, step), why


def _distribution(
    measured: MeasuredRun,
    scan: _Scan,
    fit: FreeFormFit,
    start: FreeFormFit,
    factor: FloatArray,
    *,
    conserved: bool,
) -> SizeDistribution:
    """d phi / dd: relative densities times phi0 over the starting solution's volume.

    conserved: the sum of each size over the cell was held to that of the starting solution.
    """
    solution, grid, whole = measured.run.solution, measured.grid, size_moments(start).volume
    unit = solution.volume_fraction / float(whole.value[0])
    shape = (1, grid.heights.size, fit.basis.diameter.size)

    def placed(values: FloatArray) -> FloatArray:
        out = np.full(shape, np.nan)
        out[0, scan.heights] = values
        return out

    density = placed(unit * factor[:, None] * fit.density)
    shared = {
        "background": placed(unit * factor[:, None] * fit.shared_sigma),
        "reference": density * float(whole.total_sigma[0] / whole.value[0]),
    }
    if solution.volume_fraction_sigma is not None:
        shared["starting_solution"] = density * solution.volume_fraction_sigma / solution.volume_fraction
    hidden, limit = np.ones(shape, dtype=bool), np.full(shape, np.nan)
    for row, height in enumerate(scan.heights):
        if fit.seen[row]:
            visible = observable_sizes(fit, row).observable
            hidden[0, height] = ~visible
            limit[0, height] = unit * factor[row] * np.abs(fit.undetected[row][:, visible]).max(axis=1, initial=0.0)
    noun = SizeDistribution.from_arrays(
        density,
        dims=("scan", "height", "diameter"),
        coords={
            "diameter": (("diameter",), fit.basis.diameter),
            "height": (("height",), grid.heights),
            "time": (("scan", "height"), grid.time[scan.index : scan.index + 1]),
            "conserved": (("scan",), [float(conserved)]),
        },
        sigma=placed(unit * factor[:, None] * fit.sigma),
        shared=shared,
        masks={"not_observable": (("scan", "height", "diameter"), hidden)},
    )
    first = sc.array(
        dims=["diameter"], values=unit * start.density[0], variances=(unit * start.sigma[0]) ** 2, unit="1/nm"
    )
    undetected = sc.array(dims=["scan", "height", "diameter"], values=limit, unit="1/nm")
    return SizeDistribution(noun.data.assign_coords(starting_solution=first, undetected=undetected), noun.shared)


def _numbers(start: FreeFormFit) -> dict[str, Number]:
    """Of the starting solution, over the sizes that its curve sees."""
    limits = observable_sizes(start).limits
    if limits is None:
        why = "the starting solution's curve is too weak for its sizes"
        return {
            "starting_volume_mean_diameter": Number.absent("nm", why),
            "starting_small_share": Number.absent("one", why),
        }
    edge = SMALL * float(size_moments(start, limits=limits).volume_mean.value[0])
    moments = size_moments(start, limits=limits, small_below=edge)
    span = f"free-form sizes of the starting solution between {limits[0]:.2g} and {limits[1]:.2g} nm"
    assert moments.small_share is not None
    return {
        "starting_volume_mean_diameter": _number(moments.volume_mean, "nm", f"volume-weighted mean, {span}"),
        "starting_small_share": _number(moments.small_share, "one", f"volume share below {edge:.2g} nm, {span}"),
    }


def _number(estimate: Estimate, unit: str, source: str) -> Number:
    value, sigma = estimate.value, estimate.total_sigma
    return Number(float(value[0]), float(sigma[0]), unit, source)


def _verdict_note(verdicts: tuple[GaussianVerdict | None, ...], grid: ScanMap, scan: _Scan) -> str:
    """At how many heights a normal distribution is enough, and what speaks against it most."""
    known = [(grid.heights[h], v) for h, v in zip(scan.heights, verdicts, strict=True) if v is not None]
    refuted = [(height, v) for height, v in known if not v.enough]
    text = f"size distributions: a normal distribution is enough at {len(known) - len(refuted)} of {len(known)} heights"
    if not refuted:
        return text
    height, worst = max(refuted, key=lambda one: one[1].bic)
    return f"{text}; at {height:.0f} um {worst.words}"
