"""Who adds up the pixels of a run: this processor, a graphics card, or pyFAI as a cross-check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...errors import ElectrosaxsError, InputFileError, bad_value
from ...reduction.cross_check import PyFAIIntegrator
from ...reduction.stream import FrameIntegrator
from .detector import PreparedDetector

Device = Literal["cpu", "gpu", "auto"]


@dataclass(frozen=True, eq=False)
class Engine:
    """name: other names than the stored reduction's mean that it starts anew; notes: what was chosen, and why."""

    integrator: FrameIntegrator
    name: str
    notes: tuple[str, ...] = ()


def engine_of(detector: PreparedDetector, integrator: str, device: Device, *, on_workers: bool) -> Engine:
    """integrator: "own", or "pyfai:" and a splitting; device: "cpu", "gpu", or "auto" for the card where there is one;
    on_workers: True where processes elsewhere integrate. Raises InputFileError where that cannot be had."""
    own = detector.integrator
    if integrator != "own":
        if device == "gpu":
            raise _no_card(f"--integrator {integrator} runs on the processor", "leave out --device, or --integrator")
        return Engine(_pyfai_integrator(detector, integrator), integrator)
    if device == "cpu":
        return Engine(own, "own")
    if on_workers:
        if device == "gpu":
            raise _no_card("the workers of --scheduler integrate on their processors", "leave out one of the two")
        return Engine(own, "own", ("device: workers integrate on their processors",))
    from ...reduction.gpu import CardIntegrator, card_name  # CUDA is looked for only where it is asked for

    if (name := card_name()) is not None:
        return Engine(CardIntegrator(own), f"own on {name}", (f"device: frames were integrated on {name}",))
    if device == "gpu":
        raise _no_card(
            "numba finds no NVIDIA card with a driver", "--device cpu, or auto; pip install 'electrosaxs[gpu]'"
        )
    return Engine(
        own, "own", ("device: no NVIDIA card with a driver was found, frames were integrated on the processor",)
    )


def _no_card(rule: str, remedy: str) -> ElectrosaxsError:
    return bad_value(InputFileError, where="command line", field="--device", value="gpu", rule=rule, remedy=remedy)


def _pyfai_integrator(detector: PreparedDetector, name: str) -> FrameIntegrator:
    engine, _, splitting = name.partition(":")
    if engine != "pyfai" or not splitting:
        raise bad_value(
            InputFileError,
            where="command line",
            field="--integrator",
            value=name,
            rule="must be own, or pyfai: and one of pyFAI's pixel splittings",
            remedy="for example --integrator pyfai:bbox",
        )
    window = detector.run.analysis
    return PyFAIIntegrator(
        detector.geometry,
        mask=detector.mask,
        q_min=window.q_min_per_nm,
        q_max=window.q_max_per_nm,
        bins=window.bins,
        polarization=detector.run.beam.polarization,
        saturation=detector.saturation,
        method=splitting,
    )
