"""Two kept benchmarks, side by side: what changed by more than both scatter.

    python benchmarks/compare.py BEFORE.json AFTER.json [--all]

A row counts as changed where the ranges of its values do not overlap and the medians differ by more than a twentieth; other
rows are printed with `--all`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from kept import Row, kept, median_and_spread

LEAST = 0.05
"""Relative change below which nothing is said, however well it repeats."""


def verdict(before: Row, after: Row) -> str:
    """ "Whether `after` is "better" or "worse"; empty where the values do not tell."""
    apart = min(before.values) > max(after.values) or min(after.values) > max(before.values)
    if not apart or abs(after.median - before.median) <= LEAST * abs(before.median):
        return ""
    return "better" if (after.median < before.median) == before.less_is_better else "worse"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--all", action="store_true", help="Also rows that did not change.")
    given = parser.parse_args()
    (before_on, before), (after_on, after) = kept(given.before), kept(given.after)
    print(f"before: {before_on}\nafter:  {after_on}\n")
    print(f"{'':<44}{'before':>18}{'after':>18}{'ratio':>8}")
    for name, old in before.items():
        if name not in after:
            print(f"{name:<44}{median_and_spread(old):>18}{'gone':>18}")
            continue
        new = after[name]
        said = verdict(old, new)
        if said or given.all:
            ratio = f"{new.median / old.median:.2f}" if old.median else ""
            print(f"{name:<44}{median_and_spread(old):>18}{median_and_spread(new):>18}{ratio:>8}  {said}")
    for name in after.keys() - before.keys():
        print(f"{name:<44}{'':>18}{median_and_spread(after[name]):>18}")


if __name__ == "__main__":
    main()
