"""A beamline of 30 x 40 pixels on EPICS, as a program: a motor record, an areaDetector, counters and a changer.

Run: python epics_ioc.py [--stuck]. stuck: its stage never comes to the end of a motion. Standard input closed: it ends.
"""

from __future__ import annotations

import asyncio
import math
import os
import sys
import threading

import numpy as np
from caproto import ChannelType
from caproto.asyncio.server import run
from caproto.server import PVGroup, pvproperty

SHAPE, ANODE_MM, SIGMA_MM, RATE = (30, 40), 1.0113, 0.01444, 1e6
STUCK = "--stuck" in sys.argv


class Beamline(PVGroup):
    """Positions in mm, as a beamline has them."""

    z = pvproperty(value=0.0, name="Z", record="motor", precision=4)
    place = pvproperty(value=1.0, name="CHANGER")
    acquire = pvproperty(value="Done", name="cam1:Acquire", dtype=ChannelType.ENUM, enum_strings=["Done", "Acquire"])
    acquire_time = pvproperty(value=1.0, name="cam1:AcquireTime")
    images = pvproperty(value=10, name="cam1:NumImages")
    columns = pvproperty(value=SHAPE[1], name="cam1:ArraySizeX_RBV")
    rows = pvproperty(value=SHAPE[0], name="cam1:ArraySizeY_RBV")
    counter = pvproperty(value=7, name="image1:ArrayCounter_RBV")
    data = pvproperty(value=[0] * (SHAPE[0] * SHAPE[1]), name="image1:ArrayData", dtype=ChannelType.LONG)
    preset = pvproperty(value=1.0, name="scaler.TP")
    count = pvproperty(value=0, name="scaler.CNT")
    monitor = pvproperty(value=0.0, name="scaler.S2")
    through = pvproperty(value=0.0, name="scaler.S3")
    random = np.random.default_rng(3)

    @z.startup
    async def z(self, instance, async_lib) -> None:
        fields = instance.field_inst
        await fields.user_low_limit.write(-3.0)
        await fields.user_high_limit.write(9.0)
        await fields.done_moving_to_value.write(1)

    @z.putter
    async def z(self, instance, value) -> None:
        fields = instance.field_inst
        await fields.done_moving_to_value.write(0)
        await asyncio.sleep(0.01)
        if STUCK:
            return
        await fields.user_readback_value.write(value)
        await fields.done_moving_to_value.write(1)

    @acquire.putter
    async def acquire(self, instance, value) -> None:
        if value not in (1, "Acquire"):
            return
        assert self.images.value == 1
        await asyncio.sleep(self.acquire_time.value)
        counts = self.random.poisson(20.0 * self.acquire_time.value, SHAPE[0] * SHAPE[1])
        await self.data.write(counts.tolist())
        await self.counter.write(self.counter.value + 1)

    @count.putter
    async def count(self, instance, value) -> None:
        seconds = self.preset.value
        await asyncio.sleep(seconds)
        above = self.z.field_inst.user_readback_value.value - ANODE_MM
        share = 0.5 * math.erfc(-above / (SIGMA_MM * math.sqrt(2.0)))
        await self.monitor.write(float(self.random.poisson(RATE * seconds)))
        await self.through.write(float(self.random.poisson(0.33 * 0.9 * share * RATE * seconds)))


def main() -> None:
    def watch() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    run(Beamline(prefix="BL:").pvdb, interfaces=["127.0.0.1"], log_pv_names=False, startup_hook=started)


async def started(async_lib) -> None:
    print("serving", flush=True)


if __name__ == "__main__":
    main()
