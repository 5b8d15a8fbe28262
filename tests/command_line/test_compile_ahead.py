"""The first run of a command has its kernels compiled by other processes, from a list that is as the code is."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from numba import njit
from numba.core import event, types

from electrosaxs.command_line import compile_ahead as ahead
from electrosaxs.command_line.kernel_types import read_types
from electrosaxs.transport.scheme import bernoulli

MET = """
import sys
from numba.core.registry import CPUDispatcher
from electrosaxs.command_line.app import run
from electrosaxs.command_line.compile_ahead import is_own, listed
from electrosaxs.command_line.kernel_types import read_types
code = run(sys.argv[1:])
known = {(kernel.module, kernel.name, read_types(kernel.types)) for kernel in listed("analyse")}
for module in [module for name, module in sys.modules.items() if name.startswith("electrosaxs")]:
    for kernel in vars(module).values():
        if is_own(kernel):
            function = kernel.py_func
            for met in kernel.overloads:
                if (function.__module__, function.__name__, met) not in known:
                    print(function.__module__, function.__name__, met)
sys.exit(code)
"""
ROOT = Path(__file__).parents[2]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What would have been started, command and processes, on a machine with three cores."""
    started: list[tuple[str, int]] = []
    monkeypatch.setattr(ahead, "_start", lambda *asked: started.append(asked))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    return started


def test_types_are_read_as_they_were_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    spelled = import_module("first_run").spelled
    for kernel in ahead.listed():
        assert spelled(read_types(kernel.types)) == kernel.types
    odd = (types.Omitted(None), types.literal(3), types.UniTuple(types.intp, 2), types.none, types.boolean,
           types.Array(types.uint16, 3, "F", readonly=True))  # fmt: skip
    assert read_types(spelled(odd)) == odd
    with pytest.raises(ValueError, match="no spelling of the type"):
        spelled((types.unicode_type,))


def test_processes_start_with_the_first_compilation_of_an_own_kernel(watched: list[tuple[str, int]]) -> None:
    def own(x: float) -> float:
        return x + x

    own.__module__ = "electrosaxs.somewhere"
    kernel, foreign = njit(own), njit(lambda x: x)
    before = list(event._registered["numba:compile"])
    ahead.compile_ahead("analyse")
    try:
        foreign(1)
        assert not watched
        kernel(1)
        kernel(1.0)
        assert watched == [("analyse", 2)]
    finally:
        event._registered["numba:compile"][:] = before


def test_a_list_behind_the_code_costs_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    place = "electrosaxs.reduction.sector_kernels"
    behind = [(place, "told_rings", '["int64"]'), (place, "gone", "[]"), ("electrosaxs.gone", "kernel", "[]")]
    good = ("electrosaxs.transport.scheme", "bernoulli", '["float32"]')
    monkeypatch.setattr(ahead, "listed", lambda _: [ahead.Kernel(*one, ("analyse",)) for one in (good, *behind)])
    ahead.main("analyse", "0", "1")
    assert read_types(good[2]) in bernoulli.overloads


def test_shares_are_the_whole_from_the_end() -> None:
    whole = ahead.listed("predict")
    shares = [list(ahead._share("predict", k, 3)) for k in range(3)]
    assert sorted(map(str, whole)) == sorted(str(one) for share in shares for one in share)
    assert shares[0][0] == whole[-1]
    assert len(whole) > 10


def test_an_analysis_meets_what_is_listed(quiet_nexus: Path, tmp_path: Path) -> None:
    """Else: `python benchmarks/first_run.py --write`."""
    call = [
        sys.executable,
        "-c",
        MET,
        "analyse",
        str(quiet_nexus),
        "--out",
        str(tmp_path),
        "--figures",
        "none",
        "--quiet",
    ]
    said = subprocess.run(call, capture_output=True, text=True, check=True, timeout=300)
    assert not said.stdout, said.stdout
