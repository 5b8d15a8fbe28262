"""The claims of the paper and their figures, computed once: claims.json and figures/claims_*.png."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ... import __version__
from ...io.campaign_toml import read_record, write_record
from ...io.plain_json import plain
from ...nouns.claims import Claim, Verdict
from ..claims.claims import check_claims
from ..claims.pictures import write_pictures
from ..examples import examples_home
from ..progress import Progress, stage
from .plan import CAMPAIGN

FOLDER = "claims"
TITLES = {
    "rise": "Rise, onset and silence", "carriers": "What carries the charge", "flux": "Slice flux against supply",
    "sizes": "Size selection", "kink": "The kink at nucleation", "gaps": "Two gaps", "lattice": "Crystals",
    "knowledge": "What a map tells", "cell": "The cell", "solution": "The solution and X-rays",
}  # fmt: skip
PICTURES = {
    "rise": "onset", "carriers": "carriers", "flux": "flux", "sizes": "sizes", "kink": "kink", "gaps": "gaps",
    "knowledge": "knowledge",
}  # fmt: skip
Sections = dict[str, tuple[Claim, ...]]


def claims_once(out: Path, *, progress: Progress | None) -> Sections:
    """Every claim by the title of its section; from claims/member.json where they were computed by this version."""
    folder = out / FOLDER
    files = sorted((examples_home() / CAMPAIGN).glob("*.toml"))
    state = {"version": __version__, "experiments": [file.read_text(encoding="utf-8") for file in files]}
    known = read_record(folder)
    if known is not None and known.get("state") == state:
        return {title: tuple(_claim(row) for row in rows) for title, rows in known["sections"].items()}
    with stage(progress, "claims"):
        checked = check_claims(examples_home() / CAMPAIGN)
        write_pictures(out / "figures", checked.campaign, checked.found, checked.ranges, checked.all_hold)
    sections = {TITLES.get(name, name): claims for name, claims in checked.sections.items()}
    folder.mkdir(parents=True, exist_ok=True)
    write_record(
        folder,
        {"state": state, "sections": {t: [plain(asdict(claim)) for claim in claims] for t, claims in sections.items()}},
    )
    return sections


def _claim(row: Mapping[str, Any]) -> Claim:
    values = tuple(float(value) for value in row["values"])
    return Claim(**{**row, "values": values, "verdict": Verdict(row["verdict"])})


def claim_pictures(out: Path) -> dict[str, str]:
    """Figures of the claims as base64, by the title of their section."""
    found = {}
    for name, picture in PICTURES.items():
        file = out / "figures" / f"claims_{picture}.png"
        if file.is_file():
            found[TITLES[name]] = base64.b64encode(file.read_bytes()).decode("ascii")
    return found
