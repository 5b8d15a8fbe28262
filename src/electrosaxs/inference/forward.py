"""The model at the points of a run: simulated cell, seen through the beam's footprint at each frame's own time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..analysis.footprint.open_beam import surface_weight
from ..nouns import FloatArray, GrowthSettings, TransportSettings
from ..transport import CellHistory, SizeClasses, beam_weights, number_moments, simulate
from .observations import Observations
from .parameters import Model

CLASSES = 13
"""Nodes of a Gaussian, 0.83 deviations apart: phi and both moments within 1e-5 of those of 61 nodes after an hour."""
RTOL = 2e-4
FINE_CLASSES, FINE_RTOL, FINE_HALVINGS = 41, 2e-5, 2
"""What `numerical_error` compares with: phi within 2e-5 rms of a grid twice as fine again."""
SPARSE_CLASSES, SPARSE_HALVINGS = CLASSES, 4
"""The same where a few particles carry the charge of all: while charged they are 1 / share times as fast, and a spacing of the
bulk is several of their decay lengths (front 1.1 % of the starting phi off on the model's own grid, 0.1 % at 2 halvings)."""


COARSE_CLASSES, COARSE_RTOL, COARSE_HALVINGS = 9, 2e-3, -1
"""Where a minimum is still looked for: phi within 0.5 %, at a fifth of the time."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """phi, mean core diameter and its deviation (nm) at the points of a run, (point,) each; history: the whole cell."""

    volume_fraction: FloatArray
    diameter: FloatArray
    deviation: FloatArray
    history: CellHistory

    def channel(self, name: str) -> FloatArray:
        values: FloatArray = getattr(self, name)
        return values


@dataclass(frozen=True, eq=False)
class NumericalError:
    """Fine less coarse numerics at the points of a run, (point,) each: phi, and d and delta in nm."""

    volume_fraction: FloatArray
    diameter: FloatArray
    deviation: FloatArray

    def taken_off(self, prediction: Prediction) -> Prediction:
        """What fine numerics would have given; the history stays the coarse one."""
        return replace(
            prediction,
            volume_fraction=np.maximum(prediction.volume_fraction + self.volume_fraction, 0.0),
            diameter=prediction.diameter + self.diameter,
            deviation=prediction.deviation + self.deviation,
        )


def numerical_error(run: Observations, model: Model, values: Mapping[str, float]) -> NumericalError:
    """What grid, steps and nodes of the coarse model leave at these parameters; it hardly changes with them."""
    coarse = predict(run, model, values)
    classes, halvings = fine_numerics(model)
    fine = predict(run, model, values, classes=classes, halvings=halvings, rtol=FINE_RTOL)
    return NumericalError(
        fine.volume_fraction - coarse.volume_fraction,
        np.nan_to_num(fine.diameter - coarse.diameter),
        np.nan_to_num(fine.deviation - coarse.deviation),
    )


def fine_numerics(model: Model) -> tuple[int, int]:
    """Size classes and halvings of the grid that leave no error to speak of."""
    return (SPARSE_CLASSES, SPARSE_HALVINGS) if model.sparse else (FINE_CLASSES, FINE_HALVINGS)


def predict(
    run: Observations,
    model: Model,
    values: Mapping[str, float],
    *,
    classes: int = CLASSES,
    halvings: int = 0,
    rtol: float = RTOL,
) -> Prediction:
    """The model's maps for the parameters `values` (names of parameters.PARAMETERS); numerics as in transport.simulate.

    Raises ElectrosaxsError for parameters that are not physical, ConvergenceError where the integrator gives up.
    """
    history = simulate_run(run, model, values, classes=classes, halvings=halvings, rtol=rtol)
    levels, which = np.unique(run.height, return_inverse=True)
    rows, density = footprint(history.z.tobytes(), levels.tobytes(), run.beam_fwhm_um)
    phi = np.maximum(history.observe(run.time, rows, which), 0.0)
    if model.growth != "none":
        density = density * crystal_share(values["crystal_length"], run.beam_fwhm_um)
        phi = phi + density[which, None] * history.crystals_at(run.time)
    mean, deviation = number_moments(phi, history.classes.diameter_nm, history.dry_shell_nm)
    return Prediction(phi.sum(axis=-1), mean, deviation, history)


def coarse_prediction(run: Observations, model: Model, values: Mapping[str, float]) -> Prediction:
    """`predict` with numerics that tell where a minimum is, not where in it."""
    return predict(run, model, values, classes=COARSE_CLASSES, halvings=COARSE_HALVINGS, rtol=COARSE_RTOL)


def crystal_share(length_um: float, fwhm_um: float) -> float:
    """What a beam reads of crystals over what it would read of them flat on the anode, for their `crystal_length`.

    Reading of a beam on the edge = volume per area / length: 0.53 FWHM flat, more where the anode is rough or tilted.
    """
    return surface_weight(0.0, fwhm_um) / length_um


def simulate_run(
    run: Observations,
    model: Model,
    values: Mapping[str, float],
    *,
    classes: int = CLASSES,
    times: npt.ArrayLike | None = None,
    halvings: int = 0,
    rtol: float = RTOL,
) -> CellHistory:
    """The cell of a run from field-on to its last frame (or at `times`, s)."""
    wanted = [float(np.max(run.time))] if times is None else times
    return simulate(
        run.cell, run.solution, starting_sizes(values, classes), transport_settings(model, values),
        growth_settings(model, values), run.program, wanted, rtol=rtol, halvings=halvings,
    )  # fmt: skip


def starting_sizes(values: Mapping[str, float], classes: int = CLASSES) -> SizeClasses:
    """The sizes at the start: a Gaussian."""
    mean = values["starting_diameter"]
    return SizeClasses.gaussian(mean, mean * values["starting_polydispersity"], classes)


def transport_settings(model: Model, values: Mapping[str, float]) -> TransportSettings:
    """The settings of the transport model for named parameters.

    Where particles carry nothing of the current the field is the nominal one, which takes a tenth of the time.
    """
    field = "nominal" if model.field == "conduction" and values["carrier_share"] == 0.0 else model.field
    extra = {"electrode-loss": ("electrode_loss",), "conduction": ("carrier_share",)}.get(field, ())
    return TransportSettings(
        charge_model=model.charge,
        effective_charge=values["effective_charge"],
        charge_exponent=values["charge_exponent"],
        charge_of_charged=values.get("charge_of_charged", 1.0),
        charge_lifetime_s=values.get("charge_lifetime", 1.0),
        diffusivity_scale=values["diffusivity_scale"],
        immobile_fraction=values.get("immobile_fraction", 0.0),
        immobile_diameter_nm=values.get("immobile_diameter", 3.0),
        field_model=field,
        **{name: values[name] for name in extra},  # type: ignore[arg-type]
    )


def growth_settings(model: Model, values: Mapping[str, float]) -> GrowthSettings:
    """Nothing grows, or crystals with a solubility and an attachment time (0 where the wall is pinned)."""
    if model.growth == "none":
        return GrowthSettings()
    time = values["attachment_time"] if model.growth == "attachment" else 0.0
    return GrowthSettings(solubility=values["solubility"], attachment_time_s=time)


@lru_cache(maxsize=32)
def footprint(z: bytes, levels_um: bytes, fwhm_um: float) -> tuple[FloatArray, FloatArray]:
    """`beam_weights` for nodes (m) and heights (um) given as bytes: a fit asks for the same ones again and again."""
    return beam_weights(np.frombuffer(z), np.frombuffer(levels_um) * 1e-6, fwhm_um * 1e-6)
