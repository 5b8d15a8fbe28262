"""Every shared contribution that maps and numbers may have is explained on the page of uncertainties."""

from pathlib import Path

from electrosaxs.nouns import contributions

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "uncertainties.md").read_text("utf-8")


def test_every_contribution_stands_on_the_page() -> None:
    names = {value for name, value in vars(contributions).items() if name.isupper() and isinstance(value, str)}
    names |= {*contributions.SCALES, contributions.SOLVENT_MODES[0], contributions.SOLVENT_MODES[-1]}
    rows = "".join(line.split(" | ")[0] for line in PAGE.splitlines() if line.startswith("| `"))
    missing = sorted(name for name in names if f"`{name}`" not in rows)
    assert not missing
