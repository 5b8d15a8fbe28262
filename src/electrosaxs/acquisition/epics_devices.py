"""Devices of ophyd-async for the records of a beamline: no more of each than is asked of it."""

from __future__ import annotations

import numpy as np
from ophyd_async.core import Device
from ophyd_async.epics.core import epics_signal_r, epics_signal_rw

from ..nouns.epics_names import DiodeNames

BUSY_S = 7200.0  # for which a put that waits for its end may wait: who asks has a limit of his own


class Stage(Device):
    """A motor record. `setpoint` waits for the end of the motion."""

    def __init__(self, record: str, name: str) -> None:
        self.setpoint = epics_signal_rw(float, f"{record}.VAL", timeout=BUSY_S)
        self.readback = epics_signal_r(float, f"{record}.RBV")
        self.done = epics_signal_r(int, f"{record}.DMOV")
        self.low = epics_signal_r(float, f"{record}.LLM")
        self.high = epics_signal_r(float, f"{record}.HLM")
        self.halt = epics_signal_rw(int, f"{record}.STOP", wait=False)
        super().__init__(name=name)


class Camera(Device):
    """What of an areaDetector takes one image and gives it; `acquire` waits for its end. counter: of the images that have
    come to the plugin."""

    def __init__(self, camera: str, image: str) -> None:
        self.acquire = epics_signal_rw(bool, f"{camera}Acquire", timeout=BUSY_S)
        self.halt = epics_signal_rw(bool, f"{camera}Acquire", wait=False)
        self.exposure = epics_signal_rw(float, f"{camera}AcquireTime")
        self.images = epics_signal_rw(int, f"{camera}NumImages")
        self.columns = epics_signal_r(int, f"{camera}ArraySizeX_RBV")
        self.rows = epics_signal_r(int, f"{camera}ArraySizeY_RBV")
        self.counter = epics_signal_r(int, f"{image}ArrayCounter_RBV")
        self.data = epics_signal_r(None, f"{image}ArrayData")
        super().__init__(name="detector")


class Diodes(Device):
    """Two counters over a time; `count` waits for its end."""

    def __init__(self, names: DiodeNames) -> None:
        self.preset = epics_signal_rw(float, names.preset)
        self.count = epics_signal_rw(int, names.count, timeout=BUSY_S)
        self.monitor = epics_signal_r(float, names.monitor)
        self.transmitted = None if names.transmitted is None else epics_signal_r(float, names.transmitted)
        super().__init__(name="diodes")


class Changer(Device):
    """What brings a sample into the beam; `place` waits until it is there."""

    def __init__(self, record: str) -> None:
        self.place = epics_signal_rw(float, record, timeout=BUSY_S)
        super().__init__(name="sample changer")


def counts_of(data: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The image (y, x) as whole counts; ValueError where the array is another one."""
    if data.size < rows * columns:
        raise ValueError(f"an array of {data.size} values for {rows} x {columns} pixels")
    return np.asarray(data[: rows * columns].reshape(rows, columns)).astype(np.int32)
