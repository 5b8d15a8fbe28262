"""A number is as good as the frames that it was made of, and says so."""

from types import SimpleNamespace

import numpy as np
import pytest

from electrosaxs.analysis.concentration.bulk_level import BulkLevel
from electrosaxs.io.numbers_json import numbers_from_plain, numbers_to_plain
from electrosaxs.nouns import LOWER_BOUND, Number
from electrosaxs.recipes.analyse.other_rows import OtherRows
from electrosaxs.recipes.analyse.quality import Doubt, doubts, with_quality
from electrosaxs.report.number_text import quality_in_short, quality_lines

NUMBERS = {
    "slice_flux": Number(3e-10, 1e-12, "m/s", "line"),
    "anode_diameter": Number(7.3, 0.1, "nm", "fit"),
    "anode_height": Number(4.6, 0.2, "um", "knife edge"),
    "crystalline_amount": Number(0.3, 0.1, "um", "voxel at the anode"),
    "onset_volume_fraction": Number.absent("one", "no onset"),
    "supply_flux": Number(7e-10, 1e-11, "m/s", "line"),
}
LEFT_OUT = np.zeros((4, 7), dtype=bool)


def grades(
    *,
    start: tuple[str, ...] = (),
    share: float = 0.0,
    drift: float = 0.0,
    scatter: float = 0.0,
    out: int = 0,
    moved: float = 0.0,
    crystals_miss: float = 0.0,
    bulk: BulkLevel | None = None,
    unmeasured: dict[str, int] | None = None,
    uneven: bool = False,
    below: float = 0.0,
    rows: OtherRows | None = None,
    dark: float = 0.0,
) -> dict[str, str]:
    left_out = LEFT_OUT.copy()
    left_out.ravel()[:out] = True
    agreed = SimpleNamespace(
        drift=np.full((4, 7), drift),
        scatter=scatter,
        left_out=left_out,
        moved_um=moved,
        moves=False,
        bulk=bulk,
        clock=None,
        below_um=below,
        rows=rows,
        dark_share=dark,
    )
    standard = SimpleNamespace(reference_fit=SimpleNamespace(flags=(start,)))
    more = {"crystals_miss": crystals_miss, "unmeasured": unmeasured, "uneven": uneven}
    found = doubts(standard, SimpleNamespace(share=share), agreed, 28, **more)  # type: ignore[arg-type]
    return {name: number.quality for name, number in with_quality(NUMBERS, found).items()}


def test_a_dark_layer_on_the_anode_is_said_and_worse_than_an_anode_elsewhere() -> None:
    assert grades(dark=0.3)["anode_diameter"].startswith(
        "doubtful: less light passes the anode than the knife edge lets"
    )
    assert grades(dark=0.05)["anode_diameter"] == "good"
    assert grades(dark=1.9, moved=4.0)["slice_flux"].startswith("not trustworthy: less light")
    assert grades(dark=0.3)["anode_height"] == "good"


def test_images_in_other_rows_make_all_that_was_measured_since_not_trustworthy() -> None:
    words = grades(rows=OtherRows(31, -1, 40))
    for name in ("slice_flux", "anode_diameter", "supply_flux"):
        assert words[name].startswith("not trustworthy: from row 31 of the frame table on"), words[name]


def test_an_anode_that_goes_on_below_its_edge_is_said_of_what_is_added_up_from_there() -> None:
    words = grades(below=7.2)
    assert "goes on 7.2 um below the edge" in words.pop("supply_flux")
    assert set(words.values()) == {"good"}


def test_many_frames_without_a_number_are_said_with_why() -> None:
    """Half of a module that reads 0 left 46 of 80 frames without phi, and every number was good."""
    assert set(grades(unmeasured={"not converged": 2}).values()) == {"good"}
    words = grades(unmeasured={"not converged": 10, "too few counts": 3})
    assert words["slice_flux"] == "doubtful: 13 of 28 frames have no phi, most of them: not converged"
    assert words["anode_diameter"].startswith("doubtful")


def test_a_flat_field_that_is_not_right_is_named_where_no_spheres_describe_the_start() -> None:
    assert set(grades(uneven=True).values()) == {"good"}
    assert "flat field that is not right: that may be why" in grades(start=("poor fit",), uneven=True)["slice_flux"]
    assert "flat field" not in grades(start=("poor fit",))["slice_flux"]


def test_what_is_said_of_a_number_is_said_of_all_pieces_of_a_voltage_program() -> None:
    numbers = {"slice_flux[2]": NUMBERS["slice_flux"], "anode_height": NUMBERS["anode_height"]}
    found = with_quality(numbers, [Doubt(frozenset({"slice_flux"}), "drift")])
    assert [number.quality for number in found.values()] == ["doubtful: drift", "good"]


def test_a_bulk_that_is_off_from_the_first_scan_on_does_not_drift() -> None:
    sigma, bulk = np.full(4, 1e-3), np.ones((4, 7), dtype=bool)
    steady = BulkLevel(np.array([0.11, 0.111, 0.109, np.nan]), sigma, bulk)
    drifting = BulkLevel(np.array([0.0, 0.005, 0.01, 0.015]), sigma, bulk)
    words = grades(drift=0.11, bulk=steady)["slice_flux"]
    assert "12 % more than that of the starting solution from the first scan on" in words
    assert "drift" not in words
    assert grades(drift=0.015, bulk=drifting)["slice_flux"] == "doubtful: transmission or scattering drift by 1.5 %"


def test_nothing_wrong_is_good() -> None:
    assert set(grades(out=2, drift=1e-3, share=0.05).values()) == {"good"}


@pytest.mark.parametrize(
    ("what", "flux", "size"),
    [
        ({"scatter": 0.2}, "not trustworthy: phi by scattering", "good"),
        ({"out": 8}, "doubtful: 8 of 28 frames contradict", "good"),
        ({"start": ("poor fit",)}, "doubtful: one kind of spheres", "not trustworthy: one kind of spheres"),
        ({"share": 0.4}, "doubtful: one kind of spheres does not describe 40 %", "doubtful: one kind"),
        ({"moved": -7.0}, "doubtful: the transmission at the anode says that it is 7.0 um", "good"),
        (
            {"crystals_miss": 14.0},
            "good",
            "doubtful: solution and superlattice do not describe the curves with crystals",
        ),
        ({"crystals_miss": 1.4}, "good", "good"),
        ({"drift": 0.01}, "doubtful: transmission or scattering drift by 1 %", "good"),
    ],
)
def test_what_was_wrong_with_the_frames_is_said_of_the_numbers_made_of_them(
    what: dict[str, object], flux: str, size: str
) -> None:
    found = grades(**what)  # type: ignore[arg-type]
    assert found["slice_flux"].startswith(flux)
    assert found["anode_diameter"].startswith(size)
    assert found["anode_height"] == "good"


def test_the_grade_is_stored_and_told_once_for_each_reason() -> None:
    numbers = {name: Number(1.0, 0.1, "m/s", "line", "doubtful: x") for name in ("slice_flux", "supply_flux")}
    plain = numbers_to_plain({**numbers, "none": Number.absent("s", "no onset")})
    assert plain["slice_flux"]["quality"] == "doubtful: x"
    assert plain["none"]["quality"] is None
    assert numbers_from_plain(plain)["supply_flux"].quality == "doubtful: x"
    assert quality_lines(numbers) == ["  doubtful: slice_flux, supply_flux: x"]
    assert quality_lines(NUMBERS) == []


def test_what_is_only_a_lower_bound_does_not_make_a_run_doubtful() -> None:
    """A run whose crystals shade themselves is right in all else: nothing says "doubtful" before its numbers."""
    film = Doubt(frozenset({"crystalline_amount"}), f"{LOWER_BOUND}: the film takes 5 % of the light")
    kept = with_quality({name: NUMBERS[name] for name in ("crystalline_amount", "slice_flux", "anode_height")}, [film])
    assert kept["crystalline_amount"].quality == "doubtful: a lower bound: the film takes 5 % of the light"
    assert quality_lines(kept) == ["  lower bound: crystalline_amount: the film takes 5 % of the light"]
    assert quality_in_short(kept) == "2 of 3 numbers good, 1 lower bound"


def test_the_worst_is_said_first() -> None:
    what = {"a": "doubtful: a lower bound: y", "b": "good", "c": "doubtful: x", "d": "not trustworthy: z"}
    numbers = {name: Number(1.0, 0.1, "um", "line", quality) for name, quality in what.items()}
    assert [line.split(":")[0].strip() for line in quality_lines(numbers)] == [
        "not trustworthy",
        "doubtful",
        "lower bound",
    ]
    assert quality_in_short(numbers) == "1 of 4 numbers good, 1 not trustworthy, 1 doubtful, 1 lower bound"
    assert quality_in_short({"b": numbers["b"]}) == "all numbers good"
