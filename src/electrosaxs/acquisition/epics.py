"""A beamline on EPICS: motor record, areaDetector and counters, by the names that names.toml gives them.

ophyd-async and its channels live in an event loop in a thread of their own; each request waits for its end there.
"""

from __future__ import annotations

import asyncio
import math
import os
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..nouns.epics_names import DiodeNames, EpicsNames
from .beamline import Diodes, Exposed, Greeting, Sample
from .epics_devices import Camera, Changer, Stage, counts_of
from .epics_devices import Diodes as Counters
from .faults import Fault

IMAGE_S, LOOK_S, ANSWER_S = (
    10.0,
    0.01,
    30.0,
)  # for an image to come to its plugin; between looks; of a device that is silent
MOVE_S = 600.0  # for the longest way of a stage or a sample

Result = TypeVar("Result")
WriteImage = Callable[[Path, np.ndarray, float], None]


class EpicsBeamline:
    """A beamline.Beamline. write_image: puts counts (y, x) and their exposure (s) into a file."""

    def __init__(self, names: EpicsNames, write_image: WriteImage) -> None:
        self.names, self._write = names, write_image
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._began = time.monotonic()
        self._shape = (0, 0)

    def hello(self) -> Greeting:
        names = self.names
        self._stage = self._connected("stage", lambda: Stage(names.stage.motor, "stage"))
        across = names.stage.lateral
        self._lateral = None if across is None else self._connected("lateral stage", lambda: Stage(across, "lateral"))
        self._camera = self._connected("detector", lambda: Camera(names.detector.camera, names.detector.image))
        self._counters = self._connected("diodes", lambda: Counters(names.diodes))
        placed = names.samples
        self._changer = None if placed is None else self._connected("changer", lambda: Changer(placed.changer))
        camera, stage = self._camera, self._stage
        rows, columns, low, high = self._asked(
            "detector", lambda: _all(camera.rows, camera.columns, stage.low, stage.high)
        )
        self._shape = int(rows), int(columns)
        ends = sorted(names.stage.um_per_unit * float(v) for v in (low, high))
        if ends[0] == ends[1]:  # a motor record without limits has both at 0
            ends = [-math.inf, math.inf]
        return Greeting(
            True, names.detector.name, self._shape, ends[0], ends[1], lateral=self._lateral is not None,
            saturation=names.detector.saturation,
        )  # fmt: skip

    def clock(self) -> float:
        return time.monotonic() - self._began

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def sample(self, name: Sample) -> None:
        changer = self._changer
        if changer is None or self.names.samples is None:
            if name != "solution":
                raise Fault("sample changer", f"names.toml has no [samples] that could bring {name} into the beam")
            return
        place = getattr(self.names.samples, name)
        if place is None:
            raise Fault("sample changer", f"names.toml does not say where {name} is: samples.{name}")
        self._asked("sample changer", lambda: changer.place.set(place, timeout=MOVE_S), MOVE_S)

    def fresh_spot(self) -> None:
        if (across := self._lateral) is not None:
            here = float(self._asked("lateral stage", across.readback.get_value))
            there = here + self.names.stage.step_um / self.names.stage.um_per_unit
            self._asked("lateral stage", lambda: _moved(across, there), MOVE_S)

    def move(self, height_um: float) -> float:
        there = height_um / self.names.stage.um_per_unit
        self._asked("stage", lambda: _moved(self._stage, there), MOVE_S)
        return self._height()

    def read(self, exposure_s: float) -> Diodes:
        begin = self.clock()
        monitor, transmission = self._asked("diodes", lambda: self._counted(exposure_s), exposure_s)
        return Diodes(monitor, transmission, self._height(), 0.5 * (begin + self.clock()))

    def expose(self, exposure_s: float, file: Path) -> Exposed:
        begin = self.clock()
        image, (monitor, transmission) = self._asked("detector", lambda: self._taken(exposure_s), exposure_s + IMAGE_S)
        part = file.with_name(f".{file.name}.part.cbf")
        self._write(part, image, exposure_s)
        os.replace(part, file)
        return Exposed(monitor, transmission, self._height(), begin + 0.5 * exposure_s, exposure_s)

    def electrodes(self, voltage_V: float) -> None:
        """A real cell feels it by itself."""

    def stop(self) -> None:
        if hasattr(self, "_camera"):
            for device, doing in (
                ("stage", lambda: self._stage.halt.set(1)),
                ("detector", lambda: self._camera.halt.set(False)),
            ):
                try:
                    self._asked(device, doing)
                except Fault:
                    continue

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _height(self) -> float:
        return self.names.stage.um_per_unit * float(self._asked("stage", self._stage.readback.get_value))

    async def _counted(self, exposure_s: float) -> tuple[float, float]:
        """Monitor counts over the exposure, and transmission (NaN: none)."""
        counters = self._counters
        await counters.preset.set(exposure_s)
        await counters.count.set(1)
        monitor = float(await counters.monitor.get_value())
        if counters.transmitted is None:
            return monitor, math.nan
        return monitor, transmission_of(
            self.names.diodes, monitor, float(await counters.transmitted.get_value()), exposure_s
        )

    async def _taken(self, exposure_s: float) -> tuple[np.ndarray, tuple[float, float]]:
        """One image, counted meanwhile."""
        camera = self._camera
        await asyncio.gather(camera.exposure.set(exposure_s), camera.images.set(1))
        before = await camera.counter.get_value()
        _, counted = await asyncio.gather(_done(lambda: camera.acquire.set(True)), self._counted(exposure_s))
        end = time.monotonic() + IMAGE_S
        while await camera.counter.get_value() == before:
            if time.monotonic() > end:
                raise Fault("detector", f"no image has come to {self.names.detector.image} after {IMAGE_S:g} s")
            await asyncio.sleep(LOOK_S)
        return counts_of(np.asarray(await camera.data.get_value()), *self._shape), counted

    def _connected(self, device: str, make: Callable[[], Any]) -> Any:
        async def connect() -> Any:
            made = make()
            await made.connect(timeout=self.names.timeout_s)
            return made

        return self._asked(device, connect, self.names.timeout_s)

    def _asked(self, device: str, doing: Callable[[], Awaitable[Result]], takes_s: float = 0.0) -> Result:
        """What is begun in the loop comes to; a Fault of the device where it fails or is late."""
        asked = asyncio.run_coroutine_threadsafe(_done(doing), self._loop)
        try:
            return asked.result(ANSWER_S + takes_s)
        except Fault:
            raise
        except TimeoutError:
            asked.cancel()
            raise Fault(device, f"no answer within {ANSWER_S + takes_s:g} s") from None
        except Exception as error:  # of channels, records, types
            raise Fault(device, " ".join(f"{type(error).__name__}: {error}".split())) from error


def transmission_of(names: DiodeNames, monitor: float, transmitted: float, exposure_s: float) -> float:
    """T = transmitted / monitor / empty, each less its dark counts; NaN without beam."""
    beam = monitor - names.monitor_dark_per_s * exposure_s
    through = transmitted - names.transmitted_dark_per_s * exposure_s
    return through / beam / names.empty if beam > 0.0 else math.nan


async def _moved(stage: Stage, to: float) -> None:
    """There, as the record says: the put has ended and the motor stands."""
    await stage.setpoint.set(to, timeout=MOVE_S)
    while not await stage.done.get_value():
        await asyncio.sleep(LOOK_S)


async def _all(*signals: Any) -> list[Any]:
    return list(await asyncio.gather(*(signal.get_value() for signal in signals)))


async def _done(doing: Callable[[], Awaitable[Result]]) -> Result:
    return await doing()
