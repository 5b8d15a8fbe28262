"""Frames to results: the main job, step by step (docs/map.md has the same steps with a link to each function)."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...cluster.scheduler import cluster_at
from ...io.dose_csv import write_dose_csv
from ...io.frames_csv import write_frames_csv
from ...io.intensity import IntensityWriter
from ...io.numbers_json import write_numbers
from ...io.results import read_results, write_results
from ...io.run_toml import read_run
from ...nouns import FloatArray, FrameRecord, Number, Run, RunResults, VolumeFraction, VoxelCorrelations
from ...nouns.contributions import STARTING_SOLUTION
from ...nouns.dose import HeightDose
from ...physics.concentration import concentration_words, with_volume_fraction
from ...reduction.memory import give_back
from ...report.number_text import number_lines, quality_in_short, quality_lines
from ...report.page import write_report
from ...report.pictures import Figures
from ...report.provenance import write_provenance
from ..experiment_file import check_materials
from ..output_folder import writing
from ..progress import Progress, stage
from .agreement import Agreement, agreement
from .anode import AnodePosition, doubts_of_the_beam, doubts_of_the_surface, find_anode
from .clock import with_the_clock, words_of_the_clock
from .crystals import Crystals, find_crystals, in_the_footprint, measured_again
from .curve_files import choose_curves, write_curve_files
from .diode_dark import without_diode_dark
from .diode_noise import doubts_of_the_diode, with_diode_noise
from .dose import dose_notes, doses
from .drift import drift_number
from .edge_light import with_edge_light
from .engine import Device
from .film import film_study, in_shadow, with_hidden_crystals
from .harmonics import harmonics, may_be, without_harmonics
from .headline import detector_settings, doubts_of_the_last_scan, headline_numbers, starting_size_errors
from .interaction import Interaction, with_interaction
from .maps import FrameMaps, Kinetics, frame_maps, kinetics
from .measured_run import MeasuredRun
from .misfit import Misfit, with_sizes_that_fit
from .motion import motion_of
from .multiple_scattering import beside_crystals, with_single_scattering
from .odd_standards import without_odd_standards
from .other_rows import with_rows_flagged
from .quality import Doubt, doubts, with_quality
from .reduce_run import ReducedRun, centre_px, reduce_run
from .scale_errors import Scales, again, parted, scales_of, with_hidden_layer, with_scale_errors, without_start
from .size_drift import size_drift
from .sizes import SizeStudy, size_distributions
from .stage_backlash import doubts_of_play, stage_play, words_of_play
from .standards import Standards, standards
from .start_depth import doubts_of_the_depth
from .time_stamps import doubts_of_the_stamps
from .voltage import voltage_pieces, voltage_program
from .voxels import CORRELATIONS

TRUTH = "truth.nxs"
log = logging.getLogger(__name__)


def analyse_run(
    run_toml: str | Path,
    out: str | Path,
    *,
    integrator: str = "own",
    device: Device = "cpu",
    figures: Figures = "all",
    workers: int = 2,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> RunResults:
    """Analyse the run described by `run_toml` and leave a results folder (docs/formats.md) in `out`.

    integrator: "own", or "pyfai:METHOD" as a cross-check; device: "cpu", "gpu" or "auto", where frames are integrated; figures:
    "all", on the "page" alone, or "none"; scheduler: of Dask, whose workers reduce the frames (cluster.scheduler). A killed
    call, started again, goes on from the frames already reduced and ends with the same numbers. Where `truth.nxs` lies beside
    the run, the report overlays it. Raises ElectrosaxsError with one line for bad input; single bad frames are left out and
    listed in frames.csv.

    >>> from electrosaxs import analyse_run
    >>> phi = analyse_run("run.toml", "results").volume_fraction.to_xarray()
    """
    run_toml, out = Path(run_toml), Path(out)
    run = read_run(run_toml)
    check_materials(run.solution, where=run_toml)
    with writing(out, command="analyse", over="analyse"):
        with cluster_at(scheduler, workers) as cluster:
            reduced = reduce_run(
                run, out, integrator=integrator, device=device, workers=workers, cluster=cluster, progress=progress
            )
        give_back()
        analysis = analyse_reduced(reduced, workers=workers, progress=progress)
        give_back()
        for note in analysis.results.notes:
            log.info("%s", note)
        with stage(progress, "report"):
            _write(run_toml, out, analysis, figures)
    return analysis.results


@dataclass(frozen=True, eq=False)
class Analysis:
    """The results of a run, and what its files are written from."""

    measured: MeasuredRun
    results: RunResults
    doses: tuple[HeightDose, ...]


def analyse_reduced(
    reduced: ReducedRun, *, workers: int = 2, progress: Progress | None = None, distributions: bool = True,
    alone: bool = True,
) -> Analysis:  # fmt: skip
    """Everything after the reduction; distributions: False to leave out the size distributions, half of the time; alone:
    whether photons of a multiple of the energy are looked for, and, where there are any, all is measured again."""
    reduced = without_odd_standards(with_diode_noise(without_diode_dark(reduced)))
    with stage(progress, "solvent and reference"):
        standard = standards(reduced, workers=workers)
        reduced = with_known_fraction(reduced, standard)
    measured = MeasuredRun.of(reduced, standard, workers=workers, progress=progress)
    measured = with_single_scattering(measured, workers=workers)
    anode = find_anode(measured.reduced, measured.voxels)
    measured = replace(measured, height_um=_above(anode, measured))
    crystals = find_crystals(measured, workers=workers, progress=progress)
    measured = measured_again(measured, crystals)
    measured = replace(measured, voxels=beside_crystals(measured.voxels, crystals.rows))
    give_back()
    between = with_interaction(measured, crystals, workers=workers)
    measured, crystals = between.measured, between.crystals
    misfit = with_sizes_that_fit(measured, crystals.rows, workers=workers)
    measured = replace(measured, voxels=misfit.voxels).without(misfit.reasons)
    measured = replace(measured, reduced=with_edge_light(measured.reduced))  # with the dead time that curves tell
    give_back()
    agreed = agreement(measured, crystals.fraction_map, anode.edge_sigma_um)
    if alone and may_be(agreed) and (beside := harmonics(measured, crystals.fraction_map)) is not None:
        light = without_harmonics(reduced, beside, measured)
        return analyse_reduced(light, workers=workers, progress=progress, distributions=distributions, alone=False)
    measured = with_rows_flagged(measured.without(agreed.reasons), agreed.rows)
    give_back()
    dose = doses_of(measured, anode, agreed)
    curves = choose_curves(measured, crystals)
    between = replace(between, measured=measured)
    with stage(progress, "maps, fluxes and sizes"):
        results = _results(measured, anode, between, misfit, agreed, dose, distributions=distributions)
    return Analysis(measured, replace(results, curves=curves), dose)


def _above(anode: AnodePosition, measured: MeasuredRun) -> FloatArray:
    """Height (um) of each voxel above the anode; frames behind it have no place in the map."""
    height = measured.reduced.table.height[measured.voxels.frame] - anode.stage_height_um
    return np.where(anode.is_open(height), height, np.nan)


def with_known_fraction(reduced: ReducedRun, standard: Standards) -> ReducedRun:
    """A run whose solution is given in mg/mL with the volume fraction that follows from the sizes found in it."""
    solution = reduced.run.solution
    known = with_volume_fraction(solution, 1.0 / float(standard.reference_volume.shell_ratio[0]))
    if known is solution:
        return reduced
    run = reduced.run.model_copy(update={"solution": known})
    return replace(reduced, run=run, notes=(*reduced.notes, concentration_words(solution, known)))


def _results(
    measured: MeasuredRun,
    anode: AnodePosition,
    between: Interaction,
    misfit: Misfit,
    agreed: Agreement,
    dose: tuple[HeightDose, ...],
    *,
    distributions: bool,
) -> RunResults:
    """All nouns and numbers of the run, from the columns of its voxels."""
    run, voxels, grid, crystals = measured.run, measured.voxels, measured.grid, between.crystals
    standard, fraction = measured.standard, crystals.fraction_map
    excluded = ~grid.measured | ~np.isfinite(measured.on_map("phi"))
    program, play = voltage_pieces(measured.reduced), stage_play(measured)
    motion = motion_of(agreed.layer, run, float(standard.reference_fit.diameter[0]), program)
    maps = frame_maps(voxels, grid, run, excluded, fraction, agreed, program)
    start = headline_numbers(maps, standard, anode)["starting_diameter"]
    drift = size_drift(maps, agreed.bulk, start, 0.0 if agreed.scatter else agreed.drift)
    maps, crystals = drift.of(maps), drift.of_lattice(crystals)
    crystals = in_shadow(in_the_footprint(crystals, maps.crystalline_fraction, maps.phi), agreed.shadow)
    scales = scales_of(run, anode, float(np.hypot(agreed.moved_um, 0.5 * (play.value or 0.0))))

    def rates(phi: VolumeFraction, run: Run) -> Kinetics:
        give_back()
        return kinetics(phi, run, structure_onset=crystals.onset, begun=crystals.begun, program=program)

    def moved_maps(other: Run, anode_um: float) -> FrameMaps:
        lower = replace(grid, heights=grid.heights - anode_um)
        return frame_maps(voxels, lower, other, excluded, fraction, agreed, program)

    growth, headline = _growth_and_headline(maps, rates, measured, anode, scales)
    give_back()
    sizes = (
        size_distributions(measured, phi=maps.phi, crystals=crystals.fraction_map) if distributions else SizeStudy(None)
    )
    bulk = {} if agreed.bulk is None else {"bulk_drift": drift_number(agreed.bulk)}
    numbers = {**growth.numbers, **crystals.numbers, **between.numbers, **headline, **bulk, **(sizes.numbers or {})}
    film = film_study(agreed.shadow, crystals, maps, run, anode, scales.anode_um or 0.0)
    doubtful = _doubts(measured, misfit, agreed, crystals, anode, scales)
    doubtful += [*film.doubts, *doubts_of_play(play), *doubts_of_the_last_scan(maps.phi, grid)]
    doubtful += [*drift.doubts, *motion.doubts]
    before = tuple(note for part in (measured.reduced, between, misfit, agreed, anode) for note in part.notes)
    after = (*motion.notes, *drift.notes, *growth.notes, *crystals.notes, *film.notes, *sizes.notes)
    results = replace(
        _nouns(run.run.title, maps, with_hidden_crystals(growth, film), crystals, sizes),
        quality=_quality_maps(measured, maps.phi.values, agreed),
        correlations=VoxelCorrelations(*(measured.on_map(name) for name in CORRELATIONS)),
        starting_errors=starting_size_errors(standard),
        numbers=with_quality(with_the_clock({**numbers, **film.numbers}, agreed.clock), doubtful),
        frames=_records(measured, anode),
        notes=(*before, *words_of_the_clock(agreed.clock), *words_of_play(play), *dose_notes(dose), *after),
        settings=_settings(measured.reduced),
    )
    return with_scale_errors(
        with_hidden_layer(results, anode.surely_wavy_um, agreed.below_um), scales, run, again(maps, moved_maps, rates)
    )


def _growth_and_headline(
    maps: FrameMaps,
    rates: Callable[[VolumeFraction, Run], Kinetics],
    measured: MeasuredRun,
    anode: AnodePosition,
    scales: Scales,
) -> tuple[Kinetics, dict[str, Number]]:
    """Rates and headline numbers; what the starting phi does to them is a contribution of its own where it has a sigma."""
    growth, headline = rates(maps.phi, measured.run), headline_numbers(maps, measured.standard, anode)
    start = scales.relative.get(STARTING_SOLUTION)
    if start is None:
        return growth, headline
    bare = replace(maps, phi=without_start(maps.phi))
    growth = replace(growth, numbers=parted(growth.numbers, rates(bare.phi, measured.run).numbers, start))
    return growth, parted(headline, headline_numbers(bare, measured.standard, anode), start)


def _doubts(
    measured: MeasuredRun,
    misfit: Misfit,
    agreed: Agreement,
    crystals: Crystals,
    anode: AnodePosition,
    scales: Scales,
) -> list[Doubt]:
    """What is doubtful of the run's numbers by what was measured."""
    centre, voxels = centre_px(measured.reduced.store), measured.voxels
    without = np.flatnonzero(~np.isfinite(voxels.values["phi"]))
    why = Counter(voxels.flags[row][0] if voxels.flags[row] else "not measured" for row in without)
    of_all = doubts(
        measured.standard, misfit, agreed, voxels.frame.size, centre_px=centre, crystals_miss=crystals.missed, unmeasured=why,
        uneven=measured.reduced.uneven,
    )  # fmt: skip
    told = [*doubts_of_the_stamps(measured), *doubts_of_the_depth(measured, scales)]
    return [*told, *doubts_of_the_beam(anode), *of_all, *doubts_of_the_surface(anode), *doubts_of_the_diode(measured)]


def _nouns(title: str, maps: FrameMaps, growth: Kinetics, crystals: Crystals, sizes: SizeStudy) -> RunResults:
    """What was measured, without what is said of it."""
    return RunResults(
        title=title,
        volume_fraction=maps.phi,
        diameter=maps.diameter,
        deviation=maps.deviation,
        polydispersity=maps.polydispersity,
        size_distribution=sizes.distribution,
        mass_balance=growth.balance,
        growth=growth.growth,
        growth_line=growth.line,
        flux_slice=growth.flux_slice,
        flux_slice_mean=growth.flux_slice_mean,
        flux=growth.flux,
        structure_factor=crystals.structure_factor,
        structure_factor_model=crystals.model,
        lattice_constant=crystals.lattice_constant,
        crystalline_fraction=crystals.crystalline_fraction,
        assignment=crystals.assignment,
    )


def doses_of(measured: MeasuredRun, anode: AnodePosition, agreed: Agreement) -> tuple[HeightDose, ...]:
    """What each height of the run got of the beam."""
    phi, table = measured.on_map("phi"), measured.reduced.table
    relative = measured.on_map("phi_sigma") / np.abs(phi)
    height = table.height - anode.stage_height_um
    start = measured.run.solution.volume_fraction
    return doses(table, height, measured.grid, phi, relative, agreed.bulk, start, agreed.change)


def _settings(reduced: ReducedRun) -> dict[str, Any]:
    """All settings of the run, the voltage as it was, and how its files were read."""
    return {
        **reduced.run.model_dump(mode="json", exclude={"voltage"}),
        **detector_settings(reduced.run),
        **voltage_program(reduced),
        "frames_read_as": list(reduced.table.origin),
    }


def _quality_maps(measured: MeasuredRun, phi: FloatArray, agreed: Agreement) -> dict[str, FloatArray]:
    """What a reader may judge the frames by, (scan, height) each."""
    flagged = np.array([float(bool(flags)) for flags in measured.voxels.flags])
    return {
        **{name: measured.on_map(name) for name in ("reduced_chi_squared", "background", "photons", "skewness")},
        "flagged": measured.grid.to_map(flagged),
        "volume_fraction_scattered": np.where(np.isfinite(phi), phi, agreed.scattered),
        "volume_fraction_absorbed": agreed.absorbed,
        "volume_fraction_absorbed_sigma": agreed.absorbed_sigma,
    }


def _records(measured: MeasuredRun, anode: AnodePosition) -> tuple[FrameRecord, ...]:
    """One row per frame of the table: where it went, or why it did not."""
    reduced, voxels, grid, table = measured.reduced, measured.voxels, measured.grid, measured.reduced.table
    row_of = {int(frame): row for row, frame in enumerate(voxels.frame)}
    records = []
    for index in range(len(table)):
        row = row_of.get(index)
        flags = reduced.flags[index]
        used = not flags
        if row is not None:
            covered = () if grid.used[row] or flags else ("beam behind the anode",)
            flags = (*flags, *covered, *voxels.flags[row])
            used = bool(grid.used[row] and np.isfinite(voxels.values["phi"][row]))
        records.append(
            FrameRecord(
                index=index,
                file=table.file[index] if table.file else "",
                role=sys.intern(str(table.role[index])),
                scan=-1 if row is None else int(grid.scan[row]),
                height_index=-1 if row is None else int(grid.height_index[row]),
                height_um=float(table.height[index] - anode.stage_height_um),
                time_s=float(table.time[index]),
                used=used,
                flags=flags,
                reason="" if used else "; ".join(flags),
            )
        )
    return tuple(records)


def _write(run_toml: Path, out: Path, analysis: Analysis, figures: Figures) -> None:
    """The results folder: results.nxs, numbers.json, frames.csv, curves, report and figures, provenance."""
    measured, results = analysis.measured, analysis.results
    reduced, grid = measured.reduced, measured.grid
    intensity = out / "intensity.part.nxs"
    with IntensityWriter(intensity, grid.n_scans, grid.heights.size, reduced.q) as writer:
        write_curve_files(writer, out / "curves", measured)
    write_results(out / "results.nxs", results, command="analyse", intensity=intensity)
    give_back()
    intensity.unlink()
    write_numbers(out / "numbers.json", results.numbers)
    write_frames_csv(out / "frames.csv", results.frames)
    write_dose_csv(out / "dose.csv", analysis.doses)
    truth = run_toml.parent / TRUTH
    write_provenance(out, "analyse", results.settings, inputs=_inputs(run_toml, reduced))
    write_report(out, results, truth=read_results(truth) if truth.is_file() else None, figures=figures)


def _inputs(run_toml: Path, reduced: ReducedRun) -> list[Path]:
    """The files that the numbers rest on."""
    run = reduced.run
    files = [run_toml, run.detector.geometry, reduced.table.source]
    if run.detector.mask is not None:
        files.append(run.detector.mask)
    return list(dict.fromkeys([*files, *(file for file in reduced.files if file.is_file())]))


def summary(results: RunResults, out: str | Path) -> str:
    """The headline numbers as text for the terminal."""
    used = sum(record.used for record in results.frames)
    first = f"{results.title}: {used} of {len(results.frames)} frames used, {quality_in_short(results.numbers)}"
    rows = [first, *quality_lines(results.numbers)]
    return "\n".join([*rows, *number_lines(results.numbers), f"report: {Path(out) / 'report.html'}"])
