"""Maps with known answers: the model itself, seen by the beam, with noise and common shifts added."""

from dataclasses import replace
from functools import cache

import numpy as np

from electrosaxs.inference.forward import predict
from electrosaxs.inference.observations import Channel, Observations
from electrosaxs.inference.parameters import Model
from electrosaxs.nouns import (
    Cell,
    CrystallineFraction,
    Diameter,
    DiameterDeviation,
    Number,
    RunResults,
    Solution,
    VoltageProgram,
    VolumeFraction,
)

PHI0, VOLTAGE = 8.0e-4, 19.95
TRUTH = {
    "effective_charge": 0.045, "charge_exponent": 1.7, "diffusivity_scale": 1.1, "solubility": 0.009,
    "attachment_time": 60.0, "charge_lifetime": 20.0, "charge_of_charged": 1.0, "starting_diameter": 7.0,
    "starting_polydispersity": 0.16, "crystal_length": 27.0,
}  # fmt: skip
FULL_HEIGHTS = np.concatenate([np.arange(0.0, 700.0, 50.0), np.arange(750.0, 3450.0, 175.0)])[:30]
FEW_HEIGHTS = np.array([0.0, 50.0, 100.0, 200.0, 400.0, 1000.0, 2000.0, 3000.0])
SIZE_SIGMA_NM = 0.03
PLAIN, GROWING = Model(growth="none"), Model(growth="attachment")


def empty_run(heights=FEW_HEIGHTS, *, scans=8, duration=1200.0, voltage=VOLTAGE, gap_mm=3.5):
    """The points of a run, each at its own time, without values."""
    period = duration / scans
    time = 5.0 + period * np.arange(scans)[:, None] + 0.9 * period / heights.size * np.arange(heights.size)
    row, column = np.indices(time.shape).reshape(2, -1)
    return Observations(
        title=f"{voltage:g} V", cell=Cell(gap_mm=gap_mm, path_length_mm=10.0), solution=Solution(volume_fraction=PHI0),
        program=VoltageProgram(time_s=[0.0], voltage_V=[voltage]), beam_fwhm_um=34.0, shape=time.shape, row=row,
        column=column, time=time.ravel(), height=heights[column], channels={},
        start_diameter=Number(TRUTH["starting_diameter"], 0.004, "nm", "reference"),
        start_polydispersity=Number(TRUTH["starting_polydispersity"], 0.0008, "one", "reference"),
    )  # fmt: skip


class _Same:
    """A run, a model and its parameters, the same where all that the exact maps depend on is the same."""

    def __init__(self, run, model, truth):
        self.run, self.model, self.truth = run, model, truth
        points = (run.time.tobytes(), run.height.tobytes(), run.beam_fwhm_um)
        self.key = (repr((run.cell, run.solution, run.program, model, sorted(truth.items()))), points)

    def __eq__(self, other):
        return self.key == other.key

    def __hash__(self):
        return hash(self.key)


@cache
def _exact(same):
    """The maps without noise; runs that differ in their noise share them."""
    return predict(same.run, same.model, same.truth, classes=41, halvings=2, rtol=2e-5)


def measured(run, model=PLAIN, *, noise=0.03, seed=1, sizes=True, shared=0.0, truth=TRUTH):
    """`run` with values of the model: relative noise of phi, 0.03 nm of sizes; shared: sigma of a common factor.

    The sizes measured at the start have their own errors, drawn from the same seed.
    """
    rng = np.random.default_rng(seed)
    prediction = _exact(_Same(run, model, truth))
    phi, used = prediction.volume_fraction, np.ones(run.time.size, dtype=bool)
    sigma = np.hypot(noise * phi, 1e-2 * noise * PHI0)
    values = phi * (1.0 + shared * rng.standard_normal()) + sigma * rng.standard_normal(phi.size)
    channels = {"volume_fraction": Channel(values, sigma, {"reference": shared * phi} if shared else {}, used)}
    for name in ("diameter", "deviation") if sizes else ():
        exact, spread = prediction.channel(name), np.full(phi.size, SIZE_SIGMA_NM * noise / 0.03)
        channels[name] = Channel(exact + spread * rng.standard_normal(phi.size), spread, {}, used)

    def drawn(number):
        return replace(number, value=number.value + number.sigma * rng.standard_normal())

    start = {name: drawn(getattr(run, name)) for name in ("start_diameter", "start_polydispersity")}
    return replace(run, channels=channels, **start)


def as_results(run, **settings):
    """The same run as a finished analysis would leave it."""
    time = run.to_map(run.time)
    heights = np.unique(run.height)

    def noun(kind, name):
        channel = run.channels[name]
        return kind.from_arrays(
            run.to_map(channel.values), dims=("scan", "height"), sigma=run.to_map(channel.sigma),
            shared={label: run.to_map(spread) for label, spread in channel.shared.items()},
            coords={"height": (("height",), heights), "time": (("scan", "height"), time)},
        )  # fmt: skip

    return RunResults(
        title=run.title,
        volume_fraction=noun(VolumeFraction, "volume_fraction"),
        diameter=noun(Diameter, "diameter") if "diameter" in run.channels else None,
        deviation=noun(DiameterDeviation, "deviation") if "deviation" in run.channels else None,
        numbers={"starting_diameter": run.start_diameter, "starting_polydispersity": run.start_polydispersity},
        settings={
            "cell": run.cell.model_dump(), "solution": run.solution.model_dump(),
            "beam": {"energy_keV": 13.3, "fwhm_um": run.beam_fwhm_um},
            "voltage": {"time_s": run.program.time_s, "voltage_V": run.program.voltage_V}, **settings,
        },
    )  # fmt: skip


def crystalline(shares):
    """Crystalline fraction of the anode's voxel, scan by scan."""
    return CrystallineFraction.from_arrays(shares, dims=("scan",), coords={}, sigma=np.full(len(shares), 1e-3))
