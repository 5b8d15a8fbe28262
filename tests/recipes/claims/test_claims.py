"""The paper's claims: numbers of one effective charge, verdicts that break with another, and the page that says so."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.claims.accumulation import accumulation, accumulation_claims
from electrosaxs.claims.cells import Campaign, campaign_of, history, minutes, slice_mean
from electrosaxs.claims.charge_limits import Statement, common, statements
from electrosaxs.claims.conclusions import Evidence, conclusions
from electrosaxs.claims.motion import motion_claims
from electrosaxs.errors import InputFileError
from electrosaxs.io.run_toml import read_experiment
from electrosaxs.nouns.claims import Claim, Verdict
from electrosaxs.recipes.claims.claims import CheckedClaims, check_claims, page, summary
from electrosaxs.recipes.claims.pictures import write_pictures

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "examples" / "campaign"
PAGE = ROOT / "docs" / "claims.md"
NUMBER = re.compile(r"(?<![\w.])[−-]?\d+(?:\.\d+)?")
LARGEST_PICTURE = 300_000


@pytest.fixture(scope="module")
def checked() -> CheckedClaims:
    return check_claims(FOLDER)


def with_charge(campaign: Campaign, charge: float) -> Campaign:
    def changed(experiment):
        transport = experiment.transport.model_copy(update={"effective_charge": charge})
        return experiment.model_copy(update={"transport": transport})

    return Campaign(
        {v: changed(e) for v, e in campaign.in_situ.items()}, {v: changed(e) for v, e in campaign.ex_situ.items()}
    )


@pytest.mark.parametrize(
    ("key", "expected", "rel"),
    [
        # relations that hold to rounding
        ("thermal_voltage", (25.69,), 2e-4),
        ("bjerrum", (23.5,), 4e-3),
        ("hydrodynamic", (10.68,), 1e-4),
        ("diffusivity", (7.4e-11,), 5e-3),
        ("mobility", (2.87e-9,), 1e-3),
        ("fields", (14.286, 28.571, 57.143, 85.714), 1e-4),
        ("fields_ex_situ", (20.0, 120.0), 1e-9),
        ("drift", (0.185, 0.369, 0.739, 1.108), 3e-3),
        ("peclet", (8.76, 17.5, 35.0, 52.5), 2e-3),
        ("decay", (400.0, 200.0, 100.0, 66.6), 2e-3),
        ("shares", (0.44, 1.50), 3e-3),
        ("excess_density", (42.0,), 0.02),
        ("inventory", (2.8,), 1e-9),
        ("volume_fraction", (0.08,), 0.03),
        ("absorption", (0.20, 2.0), 0.03),
        ("uncorrected", (2.23,), 0.02),
        ("reflections", (0.7207, 0.8322, 1.1769, 1.3801, 1.4414), 1e-4),
        ("sphere_zero", (1.266,), 5e-4),
        ("island", (1.306, 0.12), 0.04),
        ("island_content", (434.0, 7.6e8, 171.0), 0.01),
        ("contraction", (33.2,), 2e-3),
        # the estimate of the design; the formula at 0.045 e gives 5716, 1918, 524, 237 s, up to 4 % from it
        ("relaxation", (5700.0, 1930.0, 510.0, 228.0), 0.045),
        ("rise", (10.0,), 0.05),
        ("contrast", (10.0,), 0.05),
        ("permanent_arrival", (4.0,), 0.12),
        ("neutralised", (5.8,), 5e-3),
        ("sizes_50", (7.4, 1.05), 2e-3),
        ("sizes_1400", (6.5, 0.96), 0.035),
        ("clusters_fitted", (6.29, 0.99, 6.05, 1.14, 5.72, 1.32), 5e-3),
        ("clusters", (5.51, 1.69, 4.77, 1.83, 4.35, 1.76), 5e-3),
        # the mean of 50 um at 14 V/cm, and the beam at 57 V/cm: 0.14 to 0.53
        ("slice_flux", (0.14, 0.26, 0.454, 0.593), 6e-3),
        ("slice_flux_beam", (0.145, 0.285, 0.535, 0.758), 8e-3),
        # 0.2 and 0.6 % in the design, which does not say of how many points; these are 14 heights in 12 scans
        ("map", (0.2, 0.5), 0.01),
        ("correlation", (0.795, 0.999), 2e-3),
        ("same_voltage", (9.9, 9.9), 5e-3),
    ],
)  # fmt: skip
def test_the_model_gives_the_numbers_of_the_cell(checked: CheckedClaims, key: str, expected, rel: float) -> None:
    assert_close(checked.claims()[key].values, expected, rel=rel)


def test_slice_flux_rises_with_the_field_to_the_power_1_7_to_1_85(checked: CheckedClaims) -> None:
    mean, beam = checked.claims()["flux_rises"].values
    assert 1.7 < mean < 1.85
    assert mean < beam < 1.95


def test_all_statements_hold_together_at_0_045_e_only(checked: CheckedClaims) -> None:
    assert_close(checked.thresholds_hold, [0.0261, 0.0522], rel=5e-3)
    assert_close(checked.one_size, [0.0293, 0.0586], rel=5e-3)
    assert_close(checked.all_hold, [0.0429, 0.0468], rel=5e-3)
    assert checked.all_hold[0] < checked.charge < checked.all_hold[1]


def holds(statement: Statement, charge: float) -> bool:
    """Whether a statement is true at an effective charge."""
    value = statement.at(charge)
    return (statement.low is None or value >= statement.low) and (statement.high is None or value <= statement.high)


@pytest.mark.parametrize(
    ("charge", "false"),
    [
        (0.045, set()),
        (0.055, {"silence", "rise", "contrast"}),
        (0.038, {"rise", "contrast"}),
        (0.022, {"growth_10V", "growth_20V", "rise", "contrast"}),
    ],
)
def test_another_charge_breaks_statements(checked: CheckedClaims, charge: float, false: set[str]) -> None:
    assert {s.key for s in statements(checked.campaign) if not holds(s, charge)} == false


def test_verdicts_follow_from_the_numbers(checked: CheckedClaims) -> None:
    strong = accumulation_claims(accumulation(with_charge(checked.campaign, 0.07)))
    assert {c.key for c in strong if c.verdict is not Verdict.FOLLOWS} >= {"silence", "rise", "contrast"}
    claims = checked.claims()
    follows = {"rise", "contrast", "onset", "order", "silence", "linear", "depletion", "contraction", "gap_in_situ"}
    more = {"sizes_1400", "narrowing", "slice_flux", "kink_solution", "kink_read", "gap_ex_situ"}
    assert {claims[key].verdict for key in follows} == {Verdict.FOLLOWS}
    assert {claims[key].verdict for key in more} == {Verdict.MORE}
    assert {claims[key].verdict for key in ("permanent", "permanent_arrival", "neutralised", "wall")} == {
        Verdict.EXCLUDED
    }


def evidence(checked: CheckedClaims, **changed: tuple[float, ...] | Verdict) -> Evidence:
    """The evidence of the page with the values or the verdict of some claims changed."""
    claims = checked.claims()
    for key, new in changed.items():
        claims[key] = replace(claims[key], **({"verdict": new} if isinstance(new, Verdict) else {"values": new}))
    return Evidence(claims, checked.ranges, checked.charge, 0.08)


def test_sentences_turn_with_the_charge_of_the_experiments(checked: CheckedClaims) -> None:
    for charge, place, said in (
        (0.07, "rise", "Needs another ingredient: φ below 250 µm"),
        (0.07, "band", "crosses the onset band (grey) at 14, 28, 57 and 86 V/cm"),
        (0.022, "band", "at 57 and 86 V/cm and never at 14 and 28 V/cm"),
        (0.022, "reach", "No charge model reaches"),
    ):
        campaign = with_charge(checked.campaign, charge)
        other = {claim.key: claim for claim in accumulation_claims(accumulation(campaign))}
        found = Evidence({**checked.claims(), **other}, checked.ranges, charge, 0.08)
        assert said in conclusions(found)[place]
        assert said not in conclusions(evidence(checked))[place]
        assert f"{charge:g} e, is not one of them" in conclusions(found)["charge"]


def test_fields_that_are_not_the_papers_are_seen(checked: CheckedClaims) -> None:
    wide = {v: e.model_copy(update={"cell": e.cell.model_copy(update={"gap_mm": 4.0})}) for v, e in
            checked.campaign.in_situ.items()}  # fmt: skip
    claims = {claim.key: claim for claim in motion_claims(Campaign(wide, checked.campaign.ex_situ))}
    assert claims["fields"].verdict is Verdict.MORE
    assert claims["fields"].words == "fields of 5, 10, 20, 30 V over 4 mm"
    assert claims["fields_ex_situ"].verdict is Verdict.FOLLOWS


@pytest.mark.parametrize(
    ("changed", "place", "before", "after"),
    [
        ({"wall": (2.5, 2.5)}, "tenfold", "only 1.34", "is 2.50 times"),
        ({"permanent": (9.5,)}, "reach", "Only fast exchange", "Fast exchange of charge and permanent charge reach"),
        ({"rise": (8.9,)}, "reach", "Only fast exchange", "No charge model"),
        ({"neutralised": Verdict.FOLLOWS}, "carriers", "diffuse away", "Excluded: particles that stay charged"),
        ({"slice_flux": (1.1, 1.2, 1.3, 1.4)}, "flux", "smaller and\nsteeper", "makes it steeper"),
        ({"flux_rises": (0.9, 0.9)}, "flux", "steeper", "makes it smaller than"),
        ({"slice_flux": Verdict.FOLLOWS}, "flux", "Needs", "Follows: the slice fills"),
        ({"sizes_1000": (7.0, 1.2)}, "sizes", "at 50 and 1000 µm", "broaden a Gaussian at 1000 µm"),
        ({"clusters": (5.0, 1.7, 4.8, 1.8, 4.3, 1.8)}, "clusters", "2 vol % counted by number", "do it,\nabout 8 vol %"),
        ({"clusters_fitted": (5.6, 1.4, 6.0, 1.1, 5.0, 1.3)}, "clusters", "8 vol % as a fit", "2 vol % as a fit"),
        ({"sizes_50": (7.2, 1.0)}, "clusters", "as measured", "not those measured"),
        ({"kink_solution": (1.0, 0.9)}, "bend", "flattens", "curve goes on (a)"),
        ({"kink_read": (1.1, 1.2)}, "bend", "steepens", "counts the crystals it goes on (b)"),
        ({"same_voltage": (9.9, 11.0)}, "gaps", "does not enter", "and the gap enters"),
        ({"same_voltage": (9.9, 12.0)}, "filling", "the same enrichment, below", "another enrichment, not below"),
        ({"filling": (0.5, 0.4)}, "filling", "faster", "slower"),
        ({"gap_ex_situ": Verdict.FOLLOWS}, "both", "cannot do both", "charge do both"),
        ({"contraction": Verdict.MORE}, "crystals", "Contraction, island", "; contraction and the order"),
        ({"lattice_trend": (15.7, 15.6, 15.5)}, "crystals", "; the order of", "and the order of 28 and 57 V/cm follow."),
        ({"lattice_trend": (15.5, 15.6, 15.7)}, "crystals", "86 V/cm follow", "the order of 28 and 57 V/cm do not"),
        ({"map": (0.2, 5.0)}, "knowledge", "map fixes", "does not fix"),
        ({"product": (5.0,)}, "knowledge", "neither", "no worse than"),
    ],
)  # fmt: skip
def test_a_sentence_turns_with_the_number_beside_it(checked: CheckedClaims, changed, place, before, after) -> None:
    assert before in conclusions(evidence(checked))[place]
    turned = conclusions(evidence(checked, **changed))[place]
    assert before not in turned
    assert after in turned


def test_what_is_said_of_the_charge_follows_from_the_allowed_charges(checked: CheckedClaims) -> None:
    def said(**limits: tuple[float | None, float | None]) -> dict[str, str]:
        ranges = [
            replace(r, low=limits[r.key][0], high=limits[r.key][1]) if r.key in limits else r for r in checked.ranges
        ]
        return conclusions(Evidence(checked.claims(), ranges, checked.charge, 0.08))

    assert "all of them meet" in said()["bars"]
    assert "do not all meet" in said(silence=(None, 0.02))["bars"]
    assert "no charge makes all statements hold" in said(silence=(None, 0.02))["charge"]
    assert "no charge satisfies both" in said(rise=(0.05, 0.06))["tenfold"]
    assert "only the lower limit at 28 V/cm rests on it (0.023 e" in said()["assumed"]
    assert said(growth_10V=(0.01, None))["assumed"] == "no limit rests on it"


def test_limits_are_where_a_statement_turns_false(checked: CheckedClaims) -> None:
    for statement, found in zip(statements(checked.campaign), checked.ranges, strict=True):
        for limit, outside in ((found.low, 0.99), (found.high, 1.01)):
            if limit is not None:
                assert holds(statement, limit * (2.0 - outside))
                assert not holds(statement, limit * outside)


def test_statements_that_contradict_each_other_leave_no_charge(checked: CheckedClaims) -> None:
    silence = replace(checked.ranges[0], high=0.02)
    low, high = common([silence, *checked.ranges[1:]])
    assert low > high


def test_no_charge_grows_at_5_volts_ex_situ_and_stays_silent_in_situ(checked: CheckedClaims) -> None:
    needed = checked.claims()["wall_needed"].values[0] / 100.0
    silent = checked.thresholds_hold[1]
    cell = history(checked.campaign.ex_situ[5.0], minutes(3600.0), effective_charge=silent)
    assert cell.wall_phi()[-1] < 0.8 * needed


def test_the_smaller_gap_fills_faster_under_the_same_voltage(checked: CheckedClaims) -> None:
    times = minutes(3600.0)
    inside, outside = (slice_mean(history(c[5.0], times)) for c in (checked.campaign.in_situ, checked.campaign.ex_situ))
    assert np.all(outside[1:] > inside[1:])


def test_the_page_says_what_is_computed(checked: CheckedClaims) -> None:
    made, committed = page(checked), PAGE.read_text(encoding="utf-8")
    assert NUMBER.sub("#", made) == NUMBER.sub("#", committed), "run examples/campaign/check_claims.py docs"
    values = [np.array([float(x.replace("−", "-")) for x in NUMBER.findall(text)]) for text in (made, committed)]
    assert_close(values[0], values[1], rel=0.02)


def test_every_picture_of_the_page_can_be_made_again(checked: CheckedClaims, tmp_path: Path) -> None:
    write_pictures(tmp_path, checked.campaign, checked.found, checked.ranges, checked.all_hold)
    shown = re.findall(r"\]\(images/(claims_\w+\.png)\)", PAGE.read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(f.name for f in tmp_path.iterdir())
    for name in shown:
        kept = (PAGE.parent / "images" / name).read_bytes()
        assert kept[:24] == (tmp_path / name).read_bytes()[:24], f"{name}: another size than the code draws"
        assert len(kept) < LARGEST_PICTURE


def test_the_summary_begins_with_the_effective_charge(checked: CheckedClaims) -> None:
    assert summary(checked).startswith("effective charge 0.045 e: all statements hold from 0.043 to 0.047 e")


def test_a_campaign_that_is_not_the_papers_is_refused() -> None:
    experiments = [read_experiment(path) for path in sorted(FOLDER.glob("*.toml"))]
    assert len(experiments) == 6
    with pytest.raises(InputFileError, match="one experiment each"):
        campaign_of(experiments[:-1])


def test_a_claim_writes_its_values_with_their_unit() -> None:
    assert Claim("k", "w", "", (7.55e8, -0.5), "m", form=".3g").model == "7.55×10⁸; −0.5 m"
    assert Claim("k", "w", "", (7.4, 0.9), "nm", form=".1f", paired=True).model == "7.4 ± 0.9 nm"
