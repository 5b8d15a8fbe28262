"""A kernel in numba's cache is compiled anew where anything changes that it takes from another file."""

import subprocess
import sys
from pathlib import Path

INNER = """
from typing import NamedTuple
from electrosaxs.compiled import compiled
FACTOR = 3.0
class Pair(NamedTuple):
    first: float
    second: float
@compiled()
def inner(x):
    return 2.0 * x
"""
MIDDLE = """
from electrosaxs.compiled import compiled
from .inner import inner
@compiled()
def middle(x):
    return inner(x)
"""
OUTER = """
from electrosaxs.compiled import compiled
from .middle import middle
from .inner import FACTOR, Pair
@compiled()
def outer(pair):
    return middle(pair.first) + FACTOR * pair.second
"""
CALL = """
import sys
import electrosaxs
electrosaxs.__path__.append(sys.argv[1])
from electrosaxs.outer import outer
from electrosaxs.inner import Pair
print(outer(Pair(first=1.0, second=10.0)), sum(outer.stats.cache_hits.values()))
"""


CHANGES = (
    ("2.0 * x", "5.0 * x", "35.0"),
    ("FACTOR = 3.0", "FACTOR = 4.0", "45.0"),
    ("    first: float\n    second: float", "    second: float\n    first: float", "45.0"),
)
"""Of a kernel two files away, of a constant, of the order of fields: what the call then gives."""


def test_what_changes_in_another_file_is_compiled_in(tmp_path: Path) -> None:
    for name, text in (("inner", INNER), ("middle", MIDDLE), ("outer", OUTER)):
        (tmp_path / f"{name}.py").write_text(text)

    def called() -> str:
        call = [sys.executable, "-c", CALL, str(tmp_path)]
        return subprocess.run(call, capture_output=True, text=True, check=True, timeout=120).stdout.strip()

    assert called() == "32.0 0"
    assert called() == "32.0 1"  # from the cache
    for old, new, value in CHANGES:
        text = (tmp_path / "inner.py").read_text()
        assert old in text
        (tmp_path / "inner.py").write_text(text.replace(old, new))
        assert called() == f"{value} 0"
