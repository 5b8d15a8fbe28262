"""What the page of the claims concludes, in sentences that follow from the numbers they stand beside.

Each sentence belongs to a test on the claims or on the charges that the statements allow; where the test fails the
page says the opposite, or what fails with its number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..nouns.claims import ChargeRange, Claim, Verdict
from .accumulation import MUCH
from .charge_limits import common
from .growth import ALIKE, NO_KINK, SAME
from .paper import ABOUT_TENFOLD, IN_SITU_FIELDS, SIZES_UM_NM, START_NM
from .sizes import CLUSTER_NM, CLUSTER_SHARES, TOLERANCE_NM

CLOSE_NM = 2.0 * TOLERANCE_NM
"""How near mean and deviation must both come for clusters to give the published sizes (chosen: last digits of both)."""
NEITHER = 3.0
"""v^2 / D known this many times better than v and than D: the data fix the product and neither factor (chosen)."""
KNOWN_PERCENT = 1.0
"""Sigma up to which a map fixes drift and diffusion apart (chosen)."""
ASSUMED = ("growth_10V", "growth_30V")
"""Statements whose duration is not published but assumed."""
HEADS = {Verdict.FOLLOWS: "Follows", Verdict.MORE: "Needs another ingredient", Verdict.EXCLUDED: "Excluded"}


@dataclass(frozen=True)
class Evidence:
    """All claims by key, the charges (e) that each statement allows, and charge (e) and phi (%) of the experiments."""

    claims: Mapping[str, Claim]
    ranges: Sequence[ChargeRange]
    charge: float
    start: float

    def values(self, key: str) -> tuple[float, ...]:
        return self.claims[key].values

    def follows(self, *keys: str) -> bool:
        return all(self.claims[key].verdict is Verdict.FOLLOWS for key in keys)

    def head(self, keys: Sequence[str], sentences: Mapping[Verdict, str]) -> str:
        """The worst verdict of the claims with its sentence; without one, those claims with their numbers."""
        verdicts = [self.claims[key].verdict for key in keys]
        worst = next(v for v in (Verdict.EXCLUDED, Verdict.MORE, Verdict.FOLLOWS) if v in verdicts)
        having = [self.claims[key] for key, verdict in zip(keys, verdicts, strict=True) if verdict is worst]
        listed = "; ".join(f"{claim.words}: {claim.model}, in the paper {claim.paper}" for claim in having)
        return f"{HEADS[worst]}: {sentences.get(worst, listed + '.')}"


def conclusions(found: Evidence) -> dict[str, str]:
    """Sentences by their place on the page."""
    return {
        "charge": _charge(found),
        "bars": _bars(found),
        "assumed": _assumed(found),
        "rise": found.head(
            ("rise", "onset", "order", "silence"),
            {
                Verdict.FOLLOWS: "one charge gives the tenfold rise, the onset at three fields in their order, and the "
                "silence at 14 V/cm."
            },
        ),
        "band": _band(found),
        "tenfold": _tenfold(found),
        "carriers": _carriers(found),
        "reach": _reach(found),
        "flux": _flux(found),
        "sizes": _sizes(found),
        "clusters": _clusters(found),
        "kink": found.head(
            ("kink_solution", "kink_read"),
            {
                Verdict.FOLLOWS: "the line through the growth curve goes on through the nucleation.",
                Verdict.MORE: "crystals hold the wall near its solubility, so the line through the growth curve should break "
                "at nucleation.",
            },
        ),
        "bend": _bend(found),
        "gaps": _gaps(found),
        "filling": _filling(found),
        "both": _both(found),
        "crystals": _crystals(found),
        "knowledge": _knowledge(found),
    }


def _charge(found: Evidence) -> str:
    low, high = common(found.ranges)
    about = f"the tenfold rise at 57 V/cm, read as {ABOUT_TENFOLD[0]:g} to {ABOUT_TENFOLD[1]:g}, "
    if low > high:
        return f"{about}contradicts them or itself: no charge makes all statements hold at once."
    within = (
        ""
        if low <= found.charge <= high
        else f" The charge of the experiments, {found.charge:g} e, is not one of them."
    )
    return f"{about}leaves {low:.3f} to {high:.3f} e, for which all statements hold at once.{within}"


def _bars(found: Evidence) -> str:
    low, high = common(found.ranges)
    return "all of them meet" if low <= high else "they do not all meet"


def _assumed(found: Evidence) -> str:
    """Which limits of the charge rest on durations that are not published."""
    thresholds = [r for r in found.ranges if not r.chosen]
    limits, without = common(thresholds), common([r for r in thresholds if r.key not in ASSUMED])
    if limits == without:
        return "no limit rests on it"
    lowest = max((r for r in thresholds if r.low is not None), key=lambda r: r.low or 0.0)
    return (
        f"only the lower limit at {lowest.words.split(':')[0]} rests on it ({without[0]:.3f} e at 57 V/cm without it)"
    )


def _band(found: Evidence) -> str:
    """At which fields the slice crosses the onset band."""
    times = dict(zip(IN_SITU_FIELDS[1:], found.values("order"), strict=True))
    reached = {
        IN_SITU_FIELDS[0]: not found.follows("silence"),
        **{field: t < float("inf") for field, t in times.items()},
    }
    crossed, never = ([str(field) for field, is_in in reached.items() if is_in is wanted] for wanted in (True, False))
    crosses = (
        f"crosses the onset band (grey) at {_listed(crossed)} V/cm"
        if crossed
        else "crosses the onset band (grey) nowhere"
    )
    return crosses + (f" and never at {_listed(never)} V/cm" if never and crossed else "")


def _tenfold(found: Evidence) -> str:
    """Both readings of "about 10 times within 250 um", and the wall against the slice."""
    rise, contrast, wall = found.values("rise")[0], found.values("contrast")[0], found.values("wall")[0]
    read = [r for r in found.ranges if r.key in ("rise", "contrast")]
    meet = common(read)[0] <= common(read)[1]
    only = "only " if wall <= MUCH else ""
    return (
        f"the model gives\n{rise:.1f} and {contrast:.1f}, and {'one' if meet else 'no'} charge satisfies both. The wall, "
        f"which no beam resolves, is {only}{wall:.2f} times above what the slice shows."
    )


def _carriers(found: Evidence) -> str:
    arrival, fixed = found.values("permanent_arrival")[0], found.values("permanent")[0]
    return found.head(
        ("permanent", "neutralised"),
        {
            Verdict.EXCLUDED: "; ".join(
                said
                for key, said in (
                    (
                        "permanent",
                        f"particles that stay charged arrive within {arrival:.0f} min and raise φ {fixed:.2f} times",
                    ),
                    ("neutralised", "particles that lose their charge at the anode for good diffuse away"),
                )
                if found.claims[key].verdict is Verdict.EXCLUDED
            )
            + "."
        },
    )


def _reach(found: Evidence) -> str:
    """Which charge models come to the published rise."""
    names = {
        "rise": "fast exchange of charge",
        "permanent": "permanent charge",
        "neutralised": "neutralisation at the anode",
    }
    reaching = [name for key, name in names.items() if found.values(key)[0] >= ABOUT_TENFOLD[0]]
    if not reaching:
        return "No charge model reaches the published rise in 55 min."
    only = "Only " if len(reaching) == 1 else ""
    text = f"{only}{_listed(reaching)} reach{'es' if len(reaching) == 1 else ''} the published rise in 55 min."
    return text[0].upper() + text[1:]


def _flux(found: Evidence) -> str:
    smaller, steeper = max(found.values("slice_flux")) < 1.0, found.values("flux_rises")[0] > 1.0
    words = " and\n".join(word for word, true in (("smaller", smaller), ("steeper in the field", steeper)) if true)
    return found.head(
        ("slice_flux",),
        {
            Verdict.FOLLOWS: "the slice fills at the rate at which drift supplies it.",
            Verdict.MORE: "the paper's flux is the rate at which the slice fills, and back-diffusion makes it "
            f"{words or 'another'} than what drift brings.",
        },
    ).replace("ingredient:", "ingredient to be a supply:")


def _sizes(found: Evidence) -> str:
    """Where the mean follows, and whether any height is broader than the start."""
    model = [found.values(f"sizes_{height:.0f}") for height, _, _ in SIZES_UM_NM]
    near = [
        f"{h:.0f}" for (h, mean, _), (d, _) in zip(SIZES_UM_NM, model, strict=True) if abs(d - mean) <= TOLERANCE_NM
    ]
    wide = [f"{h:.0f}" for (h, _, s), (_, got) in zip(SIZES_UM_NM, model, strict=True) if abs(got - s) <= TOLERANCE_NM]
    broader = [f"{h:.0f}" for (h, _, _), (_, got) in zip(SIZES_UM_NM, model, strict=True) if got > START_NM[1]]
    narrow = "narrow a Gaussian and never broaden it" if not broader else f"broaden a Gaussian at {_listed(broader)} µm"
    said = (
        f"of {len(SIZES_UM_NM)} heights the mean diameter follows at {_listed(near) or 'no'} µm and the width at "
        f"{_listed(wide) or 'no'} µm;\ndrift and diffusion {narrow}."
    )
    keys = [f"sizes_{height:.0f}" for height, _, _ in SIZES_UM_NM]
    return found.head(keys, dict.fromkeys(HEADS, said))


def _clusters(found: Evidence) -> str:
    """Which share of clusters comes nearest to the highest published sizes, by number and as a fit sees them."""
    height, mean, deviation = SIZES_UM_NM[-1]
    said = []
    for key, how in (("clusters", "counted by number"), ("clusters_fitted", "as a fit of one Gaussian sees them")):
        flat = found.values(key)
        off = [max(abs(d - mean), abs(s - deviation)) for d, s in zip(flat[::2], flat[1::2], strict=True)]
        best = min(range(len(off)), key=off.__getitem__)
        if off[best] <= CLOSE_NM:
            said.append(f"about {100 * CLUSTER_SHARES[best]:.0f} vol % {how}")
    near = "Large particles gather at the anode as measured" if abs(
        found.values("sizes_50")[0] - SIZES_UM_NM[0][1]
    ) <= TOLERANCE_NM else "The sizes at the anode are not those measured"  # fmt: skip
    if found.follows(f"sizes_{height:.0f}"):
        return f"{near}, and so are those at {height:.0f} µm."
    do = f"clusters of {CLUSTER_NM:g} nm do it,\n{_listed(said)}" if said else f"clusters of {CLUSTER_NM:g} nm do not"
    return f"{near}; the small and broad sizes at {height:.0f} µm need something that stays behind: {do}."


def _bend(found: Evidence) -> str:
    low, high = NO_KINK
    solution, read = found.values("kink_solution"), found.values("kink_read")
    inside = "flattens" if max(solution) < low else "goes on" if min(solution) >= low else "flattens or goes on"
    outside = "steepens" if min(read) > high else "goes on" if max(read) <= high else "steepens or goes on"
    text = f"In solution the curve {inside} (a), and where the beam counts the crystals it {outside} (b)"
    if (inside, outside) != ("flattens", "steepens"):
        return f"{text}."
    return f"{text}; a straight line needs crystals that are partly in view,\nor attachment far slower than supply."


def _gaps(found: Evidence) -> str:
    steady = found.values("same_voltage")
    alone = abs(steady[1] / steady[0] - 1.0) < SAME
    same = "but the gap does not enter the steady enrichment" if alone else "and the gap enters the steady enrichment"
    return found.head(
        ("gap_in_situ", "gap_ex_situ"),
        {
            Verdict.FOLLOWS: "5 V gives islands ex situ and nothing in situ.",
            Verdict.MORE: f"5 V gave islands ex situ and nothing in situ, {same}.",
        },
    )


def _filling(found: Evidence) -> str:
    """The same voltage over both gaps: how fast, how far, and whether that is enough."""
    needed, (inside, outside) = found.values("wall_needed")[0], found.values("same_voltage")
    filled = found.values("filling")
    speed = "faster" if filled[1] > filled[0] else "slower"
    end = "the same" if abs(outside / inside - 1.0) < SAME else "another"
    level = "below" if max(inside, outside) * found.start < needed else "not below"
    return f"fills {speed} than over 3.5 mm and ends at {end} enrichment, {level} what nucleation needed at 57 V/cm"


def _both(found: Evidence) -> str:
    if found.follows("gap_in_situ", "gap_ex_situ"):
        return "One solubility and one charge do both."
    return (
        "One solubility and one charge cannot do both. Candidates: another charge in another batch, convection along upright "
        f"electrodes (a 1 % layer is\n{found.claims['excess_density'].model} denser), evaporation, or the seconds of drying "
        "before the field is switched off."
    )


def _crystals(found: Evidence) -> str:
    lattice = found.values("lattice_trend")
    names = {"contraction": "contraction", "island": "island"}
    follow = [name for key, name in names.items() if found.follows(key)]
    not_so = [name for key, name in names.items() if not found.follows(key)]
    drop = f"the drop of the lattice constant to {IN_SITU_FIELDS[-1]} V/cm"
    (follow if min(lattice) == lattice[-1] else not_so).append(drop)
    order = f"the order of {IN_SITU_FIELDS[1]} and {IN_SITU_FIELDS[2]} V/cm"
    (follow if lattice[0] > lattice[1] * (1.0 + ALIKE) else not_so).append(order)
    said = [
        f"{_listed(names)} {verb}" for names, verb in ((follow, _does(follow)), (not_so, _does_not(not_so))) if names
    ]
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}."


def _knowledge(found: Evidence) -> str:
    whole, anode, product = found.values("map"), found.values("anode"), found.values("product")[0]
    apart = (
        "fixes drift and diffusion apart" if max(whole) <= KNOWN_PERCENT else "does not fix drift and diffusion apart"
    )
    neither = NEITHER * product < min(2.0 * anode[0], anode[1])
    alone = "fixes $v^2 / D$ and neither" if neither else "fixes both no worse than their product $v^2 / D$"
    return f"A whole map {apart} (a); the growth curve alone {alone} (b)."


def _does(names: Sequence[str]) -> str:
    return "follows" if len(names) == 1 else "follow"


def _does_not(names: Sequence[str]) -> str:
    return "does not" if len(names) == 1 else "do not"


def _listed(names: Sequence[str]) -> str:
    """'28', '28 and 57', '28, 57 and 86'."""
    *first, last = names or [""]
    return f"{', '.join(first)} and {last}" if first else last
