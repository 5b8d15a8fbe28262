"""The paper in one command: a simulated campaign, analysed as a measured one, beside the published numbers and its truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ...io.atomic import replacing
from ...io.campaign_toml import read_campaign
from ...io.plain_json import to_json
from ...nouns import Experiment, RunResults
from ...nouns.film_experiment import FilmExperiment
from ..campaign.campaign import results_of
from ..campaign.gather import member
from ..campaign.members import compute_all, tasks
from ..campaign.output import CampaignResults, PaperPart, write_campaign
from ..output_folder import writing
from ..progress import Progress, stage
from .checked import claim_pictures, claims_once
from .plan import (
    DENSITY_EXPONENT,
    EX_SITU_SOLUBILITY,
    PAPER,
    PaperPlan,
    campaign_text,
    closer_looks,
    film_experiments,
    grown_samples,
    lattices,
    paper_cells,
    run_experiments,
)
from .published import Truths, marks, panels, statements
from .simulate import Sample, simulate_all
from .truth import film_truth, read_truth, run_truth, sample_truth, true_members

SIMULATED, CAMPAIGN_FILE, TRUTH = "simulated", "campaign.toml", "truth.json"
MODEL = (
    "the cells of examples/campaign, with the effective charge and the solubility that stand there",
    "micrographs: of the islands that the ex situ cells feed, which take up all that their walls do; they crystallise at a "
    f"volume fraction of {EX_SITU_SOLUBILITY:g} at every field, for at the solubility of the runs nothing nucleates at 20 "
    "V/cm in 60 min, where the paper has islands: one solubility does not give both halves of the paper",
    "each sample is taken out when its film holds what that of 20 V/cm holds after 60 min: after 60 min at the other fields "
    "islands of the published height would cover the whole anode",
    f"nucleation density: the slice flux at the onset to the power {DENSITY_EXPONENT:g}, that is (i / (i + 2)) of a "
    "critical size of two, and at 20 V/cm such that the islands have their published size; the paper gives neither number",
    "solvated lattice constant: with the mean diameter of the particles in the crystals; dried: in the published proportion",
)


@dataclass(frozen=True)
class Simulated:
    """The members that were simulated, by name."""

    runs: Mapping[str, Experiment]
    films: Mapping[str, FilmExperiment]
    samples: Mapping[str, Sample]
    home: Path

    def true_runs(self) -> dict[str, RunResults]:
        """The truth of each run."""
        return {name: read_truth(self.home / name) for name in self.runs}

    def truths(self) -> dict[str, dict[str, float | None]]:
        """True numbers of each member."""
        found = {name: run_truth(self.home / name) for name in self.runs}
        found |= {name: film_truth(settings) for name, settings in self.films.items()}
        return found | {name: sample_truth(one, self.home / name) for name, one in self.samples.items()}


def paper(
    out: str | Path, *, plan: PaperPlan = PAPER, workers: int = 2, progress: Progress | None = None
) -> CampaignResults:
    """Simulate the campaign of the paper into `<out>/simulated`, analyse it into `<out>/members` and leave one page.

    What is there already is not computed again. plan: how large the campaign is.

    >>> from electrosaxs import paper
    >>> print(paper("paper").numbers["slice_flux_exponent"])
    """
    with writing(out, command="paper", over="paper") as folder:
        made = _simulated(plan, folder / SIMULATED, workers=workers, progress=progress)
        file = folder / CAMPAIGN_FILE
        with replacing(file) as part:
            part.write_text(
                campaign_text(
                    plan,
                    SIMULATED,
                    list(made.runs),
                    list(made.films),
                    {name: float(one.anode.record.time[-1]) for name, one in made.samples.items()},
                ),
                "utf-8",
            )
        listed = tasks(read_campaign(file), folder)
        trouble = compute_all(listed, workers=workers, progress=progress)
        members = [member(task, trouble.get(task.name, "")) for task in listed]
        claims = claims_once(folder, progress=progress) if plan.claims else {}
        truths = made.truths()
        found = results_of(members, "voltage", "Yu, Yu & Orme 2018, simulated and analysed")
        true = results_of(true_members(members, truths), "voltage", "truth").numbers
        part_of_paper = PaperPart(
            statements(members, found.numbers, true, truths, made.true_runs()),
            plan.words(),
            MODEL,
            claims,
            claim_pictures(folder),
            panels(),
        )
        found = replace(found, truth=true, published=marks(members, truths), paper=part_of_paper)
        with stage(progress, "report"):
            _write_truth(folder / TRUTH, truths, found)
            write_campaign(folder, found, [file], command="paper")
    return found


def _simulated(plan: PaperPlan, home: Path, *, workers: int, progress: Progress | None) -> Simulated:
    """Runs, films, and micrographs of what the ex situ cells grow."""
    with stage(progress, "cells"):
        cells = paper_cells()
        constants, grown = lattices(cells), grown_samples(plan, cells)
        closer = closer_looks(plan, grown, constants)
    samples = {name: Sample(one, closer[name]) for name, one in grown.items()}
    runs, films = run_experiments(plan, cells, constants), film_experiments(plan, constants)
    simulate_all({**runs, **films}, home, workers=workers, progress=progress, stage="runs and films")
    simulate_all(samples, home, workers=workers, progress=progress, stage="micrographs")
    return Simulated(runs, films, samples, home)


def _write_truth(path: Path, truths: Truths, found: CampaignResults) -> None:
    """truth.json: the model in words, the numbers of each member, and those of the campaign."""
    numbers = {name: number.value for name, number in found.truth.items()}
    with replacing(path) as part:
        part.write_text(to_json({"model": MODEL, "members": truths, "numbers": numbers}, indent=2) + "\n", "utf-8")


def summary(found: CampaignResults, out: str | Path) -> str:
    """Published numbers, those found and the truth, as text for the terminal."""
    assert found.paper is not None
    rows = [("", "paper", "found", "truth"), *((s.words, s.paper, s.found, s.truth) for s in found.paper.statements)]
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, [*widths, 0], strict=True)).rstrip() for row in rows
    ]
    lines += [f"{one.kind} {one.name}: no results: {one.reason}" for one in found.failed]
    return "\n".join([*lines, f"report: {Path(out) / 'report.html'}"])
