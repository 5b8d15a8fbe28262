"""Runs, films and micrographs at several fields -> one page with the figures of the paper, exponents, slopes, contraction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...cluster.scheduler import cluster_at
from ...io.campaign_toml import read_campaign
from ...nouns.campaign import Join
from ...nouns.trends import Member
from ...report.number_text import number_lines, quality_lines
from ..output_folder import writing
from ..progress import Progress, stage
from .gather import member
from .members import compute_all, tasks
from .output import CampaignResults, write_campaign
from .trends import campaign_numbers, trends_of


def campaign(
    file: str | Path,
    out: str | Path,
    *,
    join: Join = "field",
    workers: int = 2,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> CampaignResults:
    """Compute the members of the campaign that `file` names, each into `<out>/members`, and write the trends to `out`.

    Members that are there and unchanged are used again; one that fails is a row with its reason. join: how cells of different
    gap are compared. scheduler: of Dask, whose workers compute a member each (cluster.scheduler). Raises InputFileError for a
    file that cannot be meant.

    >>> from electrosaxs import campaign
    >>> print(campaign("campaign.toml", "campaign").numbers["slice_flux_exponent"])
    """
    file = Path(file)
    named = read_campaign(file)
    with writing(out, [file], command="campaign", over="campaign") as folder:
        listed = tasks(named, folder)
        with cluster_at(scheduler, workers) as cluster:
            trouble = compute_all(listed, workers=workers, cluster=cluster, progress=progress)
        found = results_of([member(task, trouble.get(task.name, "")) for task in listed], join, f"campaign {file.stem}")
        with stage(progress, "report"):
            write_campaign(folder, found, [file], command="campaign")
    return found


def results_of(members: Sequence[Member], join: Join, title: str) -> CampaignResults:
    """Trends and numbers of the members."""
    trends = trends_of(members, join)
    return CampaignResults(title, tuple(members), trends, campaign_numbers(members, trends, join), join)


def summary(found: CampaignResults, out: str | Path) -> str:
    """Members and numbers as text for the terminal."""
    lines = [f"{one.kind} {one.name}: no results: {one.reason}" for one in found.failed]
    kinds = [f"{sum(m.kind == kind for m in found.members)} {kind}{s}" for kind, s in
             (("run", "(s)"), ("film", "(s)"), ("micrographs", ""))]  # fmt: skip
    told = [*number_lines(found.numbers), *quality_lines(found.numbers)]
    return "\n".join([", ".join(kinds), *lines, *told, f"report: {Path(out) / 'report.html'}"])
