"""The numbers that Yu et al. 2018 state, beside those of a simulated campaign; and their marks in its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...claims.paper import (
    CLEAR_SPOTS,
    CONTRACTION,
    DRIED_NM,
    EX_SITU_FIELDS,
    EX_SITU_S,
    IN_SITU_FIELDS,
    ISLAND_BASE_UM,
    ISLAND_TOP_UM,
    ISLAND_UM,
    LAST_PROFILE_S,
    SILENT_S,
    SIZES_UM_NM,
    SOLVATED_NM,
    START_NM,
    TENFOLD,
    TENFOLD_M,
)
from ...io.rows_csv import read_rows
from ...nouns import Number, RunResults
from ...nouns.nucleation import ONSET_BAND
from ...nouns.trends import Member, Published, Statement
from ...physics.lattices import reflections
from ...physics.layers import spacing_from_fcc_constant
from ...report.number_text import number_row, value_with_sigma
from ...units import NM_PER_M
from .map_rows import denser, larger_at_the_anode, map_rows

PAPER, TRUTH = "Yu et al. 2018", "truth"
MAIN_FIELD, FILM_FIELD = float(IN_SITU_FIELDS[2]), float(EX_SITU_FIELDS[0])
SPACING_NM = spacing_from_fcc_constant(DRIED_NM)
HIGHEST = 7.2
"""q a / 2 pi up to which peaks are marked."""
ALIKE_V_PER_CM = 1.0
NEAR = 0.25
"""How far, relative, the nearest height of a scan may be from a published one."""
Truths = Mapping[str, Mapping[str, float | None]]


def statements(
    members: Sequence[Member],
    numbers: Mapping[str, Number],
    true: Mapping[str, Number],
    truths: Truths,
    true_runs: Mapping[str, RunResults],
) -> list[Statement]:
    """One row per published number, in the order of the paper. true_runs: truth of each run by name."""
    runs = sorted((m for m in members if m.kind == "run"), key=lambda m: m.field_V_per_cm or 0.0)
    main = _at(runs, MAIN_FIELD)
    film = _at([m for m in members if m.kind == "film"], FILM_FIELD)
    sample = _at([m for m in members if m.kind == "micrographs"], FILM_FIELD)
    broad = START_NM[1] / START_NM[0]
    rows = [
        _of(f"starting core diameter (nm), polydispersity {100 * broad:.1f} %", f"{START_NM[0]:g}", main,
            "starting_diameter", START_NM[0]),
        _lattices(members),
        _of("dried lattice constant at 20 V/cm (nm)", f"{DRIED_NM:g}", film, "lattice_constant_dried", _true(truths, film)),
        _clear_spots(film),
        _of("thickness of the islands at 20 V/cm (µm)", f"{ISLAND_UM:g}", sample, "island_thickness", _true(truths, sample)),
        _of("the same from a height map (µm)", f"{ISLAND_UM:g}", sample, "island_thickness_afm", _true(truths, sample)),
        _of("height map over edges, thickness", "consistent", sample, "thickness_ratio", {"thickness_ratio": 1.0}),
        _of("spacing of particles on the face at 20 V/cm (nm)", f"{SPACING_NM:.2f}, from GISAXS", sample, "particle_spacing",
            _true(truths, sample)),
        _of("base edge of the islands at 20 V/cm, mean (µm)", f"{ISLAND_BASE_UM:g}, one island", sample, "base_edge_mean",
            _true(truths, sample)),
        denser(sample, _at([m for m in members if m.kind == "micrographs"], float(EX_SITU_FIELDS[1])), truths),
        _number("nucleation density against the field, exponent", "rises", numbers, true, "nucleation_density_exponent"),
        _number("nucleation density against the slice flux, exponent", "rises", numbers, true,
                "nucleation_density_exponent_slice_flux"),
        _of("solvated lattice constant at 57 V/cm (nm)", f"{SOLVATED_NM:g}", main, "lattice_constant_solvated",
            _true(truths, main)),
        _number("the same against the field, slope (nm per V/cm)", "falls", numbers, true, "lattice_constant_solvated_slope"),
        _number("dried lattice constant against the field, slope (nm per V/cm)", "falls", numbers, true,
                "lattice_constant_dried_slope"),
        _onsets(runs, truths),
        _silence(runs, truths),
        _number("slice flux against the field, exponent", "rises", numbers, true, "slice_flux_exponent"),
        *map_rows(main, None if main is None else true_runs.get(main.name)),
        *_sizes(main, None if main is None else true_runs.get(main.name)),
        larger_at_the_anode(runs, truths),
        _number("mean size at the anode against the field, slope (nm per V/cm)", "falls", numbers, true,
                "anode_diameter_slope"),
        _number("volume contraction on drying", f"about {100 * CONTRACTION:.0f} %", numbers, true, "volume_contraction"),
    ]  # fmt: skip
    return [row for row in rows if row is not None]


def _at(members: Sequence[Member], field: float) -> Member | None:
    return next((m for m in members if abs((m.field_V_per_cm or np.inf) - field) < ALIKE_V_PER_CM), None)


def _true(truths: Truths, one: Member | None) -> Mapping[str, float | None]:
    return {} if one is None else truths.get(one.name, {})


def _of(
    words: str, paper: str, one: Member | None, name: str, truth: Mapping[str, float | None] | float
) -> Statement | None:
    if one is None:
        return None
    value = truth if isinstance(truth, float) else truth.get(name)
    found = one.number(name)
    return _row(words, paper, name, found, None if value is None else Number(value, None, found.unit, "truth"))


def _number(words: str, paper: str, numbers: Mapping[str, Number], true: Mapping[str, Number], name: str) -> Statement:
    return _row(words, paper, name, numbers[name], true.get(name))


def _row(words: str, paper: str, name: str, found: Number, truth: Number | None) -> Statement:
    row = number_row(name, found, truth)
    text = f"none: {found.source}" if row.absent else f"{row.text} {row.unit}".strip()
    return Statement(words, paper, text, row.truth, row.pull)


def _lattices(members: Sequence[Member]) -> Statement | None:
    films = [m for m in members if m.kind == "film"]
    if not films:
        return None
    right = sum(m.lattice == "FCC" for m in films)
    return Statement("dried films that are FCC", "all", f"{right} of {len(films)}", f"{len(films)} of {len(films)}")


def _clear_spots(film: Member | None) -> Statement | None:
    """The reflections that the paper sees clearly: how many spots of each kind the film's table has found."""
    table = None if film is None or film.folder is None else film.folder / "reflections.csv"
    if table is None or not table.is_file():
        return None
    rows = [row for row in read_rows(table) if row["status"] == "found"]
    kinds = [tuple(sorted(abs(int(row[index])) for index in "hkl")) for row in rows]
    names = ["(" + "".join(map(str, kind)) + ")" for kind in CLEAR_SPOTS]
    found = ", ".join(f"{kinds.count(kind)} {name}" for kind, name in zip(CLEAR_SPOTS, names, strict=True))
    return Statement("spots of high index at 20 V/cm, GISAXS", f"{', '.join(names)} clearly visible", found)


def _onsets(runs: Sequence[Member], truths: Truths) -> Statement | None:
    name = "onset_volume_fraction"
    having = [m for m in runs if m.number(name).value is not None]
    if not having:
        return None
    numbers = [m.number(name) for m in having]
    found = "; ".join(
        value_with_sigma(100.0 * (n.value or 0.0), None if n.sigma is None else 100.0 * n.sigma) for n in numbers
    )
    true = "; ".join("—" if (v := _true(truths, m).get(name)) is None else f"{100 * v:.2f}" for m in having)
    at = ", ".join(f"{m.field_V_per_cm:.0f}" for m in having)
    band = f"{100 * ONSET_BAND[0]:g} to {100 * ONSET_BAND[1]:g}"
    return Statement(f"φ at the anode at the onset (%), {at} V/cm", band, found, true)


def _silence(runs: Sequence[Member], truths: Truths) -> Statement | None:
    weak = _at(runs, float(IN_SITU_FIELDS[0]))
    if weak is None:
        return None
    onset, true = weak.number("onset_time"), _true(truths, weak).get("onset_time")
    found = "none" if onset.value is None else f"{onset.value / 60.0:.0f} min"
    return Statement(
        "onset at 14 V/cm", "never within 3 h", found, "none" if true is None else f"{true / 60.0:.0f} min"
    )


def _sizes(main: Member | None, true: RunResults | None) -> list[Statement]:
    """Mean and deviation of the core diameter at the published heights, in the last scan."""
    if main is None or main.run is None or main.run.diameter is None or main.run.deviation is None:
        return []
    good = main.run.diameter.good & main.run.deviation.good
    last = int(np.flatnonzero(good.any(axis=1))[-1])
    heights = main.run.diameter.coord("height")
    seen = np.flatnonzero(good[last])
    rows = []
    for height, mean, width in SIZES_UM_NM:
        k = int(seen[np.argmin(np.abs(heights[seen] - height))])
        if abs(heights[k] - height) <= NEAR * height:
            words = f"size at {height:.0f} µm, 57 V/cm, mean ± deviation (nm)"
            found = f"{_size(main.run, last, k)} at {heights[k]:.0f} µm"
            rows.append(Statement(words, f"{mean:g} ± {width:g}", found, "" if true is None else _size(true, last, k)))
    return rows


def _size(run: RunResults, scan: int, height: int) -> str:
    assert run.diameter is not None
    assert run.deviation is not None
    return f"{run.diameter.values[scan, height]:.2f} ± {run.deviation.values[scan, height]:.2f}"


def marks(members: Sequence[Member], truths: Truths) -> dict[str, list[Published]]:
    """Published numbers and the truth, by figure."""
    height, mean, deviation = (tuple(column) for column in zip(*SIZES_UM_NM, strict=True))
    spread = tuple(100.0 * s / d for s, d in zip(deviation, mean, strict=True))
    first = SIZES_UM_NM[0]
    sample = _at([m for m in members if m.kind == "micrographs"], FILM_FIELD)
    shape = _true(truths, sample)
    return {
        "height_profile": _lines(ISLAND_UM, shape.get("island_thickness_afm"), along_y=True),
        "base_edge": _lines(ISLAND_BASE_UM, shape.get("base_edge_mean")),
        "particle_distances": _lines(SPACING_NM, shape.get("particle_spacing")),
        "anode_curves_by_field": [_peaks(SOLVATED_NM, MAIN_FIELD)],
        "radial_intensity_by_field": [_peaks(DRIED_NM, FILM_FIELD)],
        "flux_against_field": [_truth(members, truths, "slice_flux", NM_PER_M)],
        "nucleation_density_against_field": [_truth(members, truths, "nucleation_density")],
        "lattice_constant_against_field": [
            Published(PAPER, (MAIN_FIELD, FILM_FIELD), (SOLVATED_NM, DRIED_NM)),
            _truth(members, truths, "lattice_constant_solvated", more="lattice_constant_dried"),
        ],
        "anode_sizes_against_field": [
            Published(f"{PAPER}, at 50 µm", (MAIN_FIELD,), (first[1],)), _truth(members, truths, "anode_diameter"),
            Published(f"{PAPER}, at 50 µm", (MAIN_FIELD,), (100.0 * first[2] / first[1],)),
            _truth(members, truths, "anode_polydispersity", 100.0),
        ],
        "size_profiles_by_field": [
            Published(f"{PAPER}, 57 V/cm", height, mean), Published(f"{PAPER}, 57 V/cm", height, spread),
        ],
    }  # fmt: skip


def _lines(published: float, true: float | None, *, along_y: bool = False) -> list[Published]:
    """A published length and the true one, as lines across a figure."""
    marks = [(PAPER, published)] if true is None else [(PAPER, published), (TRUTH, true)]
    return [
        Published(label, () if along_y else (at,), (at,) if along_y else (), is_truth=label == TRUTH)
        for label, at in marks
    ]


def _peaks(constant_nm: float, field: float) -> Published:
    """Where the peaks of FCC with the published constant are, q = 2 pi sqrt(h2 + k2 + l2) / a."""
    q = tuple(float(2.0 * np.pi * s / constant_nm) for s in reflections("FCC", HIGHEST).s)
    return Published(f"{PAPER}, {field:.0f} V/cm: FCC, {constant_nm:g} nm", q, ())


def panels() -> dict[str, str]:
    """What the paper says of the panels of its figures, as "1b"."""
    sizes = "; ".join(f"{mean:g} ± {width:g} nm at {height:.0f} µm" for height, mean, width in SIZES_UM_NM)
    weak, strong = EX_SITU_FIELDS
    return {
        "1a": f"equilateral triangles, some merged, {weak} V/cm for {EX_SITU_S / 60.0:.0f} min",
        "1b": f"islands about {ISLAND_UM:g} µm thick",
        "1c": f"base edge {ISLAND_BASE_UM:g} µm, top edge {ISLAND_TOP_UM:g} µm, hence {ISLAND_UM:g} µm thick",
        "1d": f"hexagonal packing, no number; {DRIED_NM:g} nm from GISAXS are a spacing of {SPACING_NM:.2f} nm",
        "1e": f"FCC, a = {DRIED_NM:g} nm, (111) planes parallel to the substrate; (228), (446) and (157) visible",
        "2a": f"lower nucleation density at {weak} than at {strong} V/cm; no numbers",
        "2b": f"higher nucleation density at {strong} than at {weak} V/cm; no numbers",
        "2c": "rises with the field; no numbers in the text, hence no marks",
        "3b": f"at {IN_SITU_FIELDS[2]} V/cm after {LAST_PROFILE_S / 60.0:.0f} min peaks at the anode alone",
        "4a": f"rises about {TENFOLD:.0f} times within {1e6 * TENFOLD_M:.0f} µm of the anode",
        "4b": f"superlattices at {100 * ONSET_BAND[0]:g} to {100 * ONSET_BAND[1]:g} % (grey), none at {IN_SITU_FIELDS[0]} V/cm "
        f"in {SILENT_S / 3600.0:.0f} h",
        "4c": "stronger fields, higher flux; no numbers in the text, hence no marks",
        "5a": sizes,
        "5c": f"a = {SOLVATED_NM:g} nm at {IN_SITU_FIELDS[2]} V/cm (strokes at the axis), larger at weaker fields",
        "6a": f"a = {DRIED_NM:g} nm at {weak} V/cm (strokes at the axis), larger at weaker fields",
        "6b": f"crosses; the volume contracts by about {100 * CONTRACTION:.0f} %",
    }  # fmt: skip


def _truth(members: Sequence[Member], truths: Truths, name: str, scale: float = 1.0, more: str = "") -> Published:
    """The true values of a number over the field of each member that has one."""
    known = [
        (m.field_V_per_cm, scale * value)
        for m in members
        for value in (truths.get(m.name, {}).get(name), truths.get(m.name, {}).get(more))
        if value is not None and m.field_V_per_cm is not None
    ]
    x, y = (tuple(column) for column in zip(*known, strict=True)) if known else ((), ())
    return Published(TRUTH, x, y, is_truth=True)
