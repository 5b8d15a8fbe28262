"""What of a fit a cell takes over: the parameters that a fit may give, and those that mean something in a field model."""

from __future__ import annotations

from collections.abc import Mapping

from ..control.plant import Plant
from ..nouns import Experiment

FITTED = (
    "effective_charge", "charge_exponent", "diffusivity_scale", "charge_of_charged", "charge_lifetime",
    "immobile_fraction", "immobile_diameter", "electrode_loss", "carrier_share", "solubility", "attachment_time",
)  # fmt: skip


def that_apply(values: Mapping[str, float], known: Experiment | Plant) -> dict[str, float]:
    """The parameters that mean something in the experiment's field model."""
    model = known.transport.field_model
    belongs = {"electrode_loss": model == "electrode-loss", "carrier_share": model == "conduction"}
    return {name: value for name, value in values.items() if belongs.get(name, True)}
