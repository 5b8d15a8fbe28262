"""41 size classes x 300 cells x 55 min at 57 V/cm: electrosaxs, scipy's BDF and FiPy on one core, one table.

    OMP_NUM_THREADS=1 python benchmarks/transport.py

All three solve the same equation on grids of 300 cells; the error is that of phi summed over the classes against the
exact profiles (Mason & Weaver 1924), relative to the local plus the starting phi. FiPy is timed on one class and scaled
to 41; it is left out where it is not installed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.integrate import solve_ivp
from scipy.sparse import diags_array

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from exact_transport import closed_walls

from electrosaxs.nouns import Cell, FloatArray, GrowthSettings, Solution, TransportSettings, VoltageProgram
from electrosaxs.transport import CellHistory, Problem, SizeClasses, simulate

PHI0, END, VOLTAGE = 8.0e-4, 3300.0, 20.0
FIPY_STEP = 10.0


def ours(classes: SizeClasses, solubility: float | None = None) -> CellHistory:
    return simulate(
        Cell(gap_mm=3.5, path_length_mm=10.0),
        Solution(volume_fraction=PHI0),
        classes,
        TransportSettings(effective_charge=0.045),
        GrowthSettings(solubility=solubility, attachment_time_s=40.0),
        VoltageProgram(time_s=[0.0], voltage_V=[VOLTAGE]),
        [END],
    )


def exact_total(problem: Problem, z: FloatArray) -> FloatArray:
    gap, drift = problem.grid.gap, problem.drift(VOLTAGE)[0]
    columns = zip(problem.columns.share, drift, problem.columns.diffusion, strict=True)
    return np.sum([s * closed_walls(z / gap, d * END / gap**2, v * gap / d) for s, v, d in columns], axis=0)


def scipy_bdf(problem: Problem) -> FloatArray:
    """The same finite volumes, all classes as one system with a banded Jacobian."""
    widths, start = problem.grid.widths, problem.start(PHI0).u.T.ravel()
    above, below = (x[0].T for x in problem.coefficients(np.array([VOLTAGE])))
    after = np.concatenate([above[:, 1:], np.zeros((above.shape[0], 1))], axis=1)
    returned = np.concatenate([below[:, 1:], np.zeros((below.shape[0], 1))], axis=1)
    matrix = diags_array(
        [-((above + returned) / widths).ravel(), (after / widths).ravel()[:-1], (below / widths).ravel()[1:]],
        offsets=[0, 1, -1],
    ).tocsc()
    done = solve_ivp(
        lambda _, u: matrix @ u,
        (0.0, END),
        start,
        method="BDF",
        jac=matrix,
        rtol=1e-4,
        atol=1e-6 * PHI0 / above.shape[0],
    )
    return np.asarray(done.y[:, -1].reshape(above.shape).sum(axis=0))


def fipy_one_class(problem: Problem) -> tuple[FloatArray, FloatArray]:
    """Heights and phi of one class with FiPy's exponential scheme and implicit Euler."""
    from fipy import CellVariable, DiffusionTerm, ExponentialConvectionTerm, FaceVariable, Grid1D, TransientTerm

    mesh = Grid1D(dx=problem.grid.widths)
    phi = CellVariable(mesh=mesh, value=1.0)
    speed, diffusion = problem.drift(VOLTAGE)[0, 0], problem.columns.diffusion[0]
    drift = FaceVariable(mesh=mesh, rank=1, value=(speed,))
    drift.setValue(0.0, where=mesh.exteriorFaces)
    equation = TransientTerm() == DiffusionTerm(diffusion) + ExponentialConvectionTerm(coeff=drift)
    for _ in range(round(END / FIPY_STEP)):
        equation.solve(var=phi, dt=FIPY_STEP)
    return np.asarray(mesh.x.value), np.asarray(phi.value)


def best_of(call: Callable[[], object], repeats: int) -> float:
    """Least wall time of `repeats` calls (s), after the caller has warmed up."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def line(name: str, seconds: float, error: float | None, mass: float | None, note: str) -> None:
    shown = "       -" if error is None else f"{error:8.1e}"
    kept = "       -" if mass is None else f"{mass:8.1e}"
    print(f"{name:<38} {seconds * 1e3:10.1f} ms {shown} {kept}   {note}")


def compare(problem: Problem, phi: FloatArray, z: FloatArray) -> tuple[float, float]:
    """Largest error against the exact profile, relative to the local plus the starting phi; and that of the mass."""
    truth = exact_total(problem, z)
    mass = problem.grid.widths @ phi / (PHI0 * problem.grid.gap) - 1.0
    return float(np.max(np.abs(phi / PHI0 - truth) / (1.0 + truth))), abs(float(mass))


def main() -> None:
    classes = SizeClasses.gaussian(7.1, 1.1)
    first = best_of(lambda: ours(classes), 1)
    history = ours(classes)
    problem, z = history.problem, history.z
    print(f"{'41 classes x 300 cells x 55 min':<38} {'time':>13} {'error':>8} {'mass':>8}")
    line("electrosaxs, first call", first, None, None, "with compilation, or loading from its cache")
    line(
        "electrosaxs",
        best_of(lambda: ours(classes), 20),
        *compare(problem, history.total_phi()[0], z),
        f"{len(history.knots.times) - 1} steps",
    )
    line("electrosaxs, with crystals", best_of(lambda: ours(classes, 0.011), 20), None, None, "attachment time 40 s")
    begin = time.perf_counter()
    other = scipy_bdf(problem)
    seconds = time.perf_counter() - begin
    line("scipy solve_ivp BDF", seconds, *compare(problem, other, z), "same finite volumes, rtol 1e-4")
    single = ours(SizeClasses.from_table([7.1], [1.0])).problem
    try:
        begin = time.perf_counter()
        heights, phi = fipy_one_class(single)
        seconds = 41 * (time.perf_counter() - begin)
    except ImportError:
        print("FiPy is not installed")
        return
    note = f"implicit Euler, steps of {FIPY_STEP:g} s"
    line("FiPy, one class x 41", seconds, *compare(single, PHI0 * phi, heights), note)


if __name__ == "__main__":
    main()
