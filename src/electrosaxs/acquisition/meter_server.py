"""The simulated meter as a program that listens on a TCP port, as the raw socket of a real one does.

    python -m electrosaxs.acquisition.meter_server [--dialect 2450] [--port 0] [--stay]

The first line of stdout is `{"port": N}`. Without --stay it ends when its stdin closes, that is with whoever started it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from .simulated_meter import SimulatedMeter

TICK_S = 0.02


class MeterClient(asyncio.Protocol):
    """One client of the meter. What has arrived is carried out to its last line, whether or not the client still lives:
    a message that stops the timer, reads and starts the timer must not be left half done. `open_ones`: whose cables a
    test can cut."""

    def __init__(self, meter: SimulatedMeter, open_ones: set[asyncio.Transport]) -> None:
        self._meter, self._open_ones, self._begun = meter, open_ones, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open_ones.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open_ones.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            for answer in self._meter.execute(line.decode("ascii", "replace").strip()):
                if not self._transport.is_closing():
                    self._transport.write(answer.encode("ascii") + b"\n")


async def listen(meter: SimulatedMeter, port: int, open_ones: set[asyncio.Transport] | None = None) -> asyncio.Server:
    """The meter on a port of localhost, 0 for any that is free."""
    kept = set[asyncio.Transport]() if open_ones is None else open_ones
    return await asyncio.get_running_loop().create_server(lambda: MeterClient(meter, kept), "127.0.0.1", port)


async def serve(meter: SimulatedMeter, port: int, *, stay: bool) -> None:
    """Listen on localhost, say where, and let the meter's own time go on."""
    server = await listen(meter, port)
    sys.stdout.write(json.dumps({"port": server.sockets[0].getsockname()[1]}) + "\n")
    sys.stdout.flush()
    ended = None if stay else asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    while ended is None or not ended.done():
        meter.elapse()
        await asyncio.sleep(TICK_S)


def main(meter_type: type[SimulatedMeter] = SimulatedMeter) -> None:
    """The program."""
    parser = argparse.ArgumentParser(prog="meter_server", description="A simulated source meter on a TCP port.")
    parser.add_argument("--dialect", choices=("2450", "2400"), default="2450")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--stay", action="store_true", help="do not end when stdin closes")
    options = parser.parse_args()
    asyncio.run(serve(meter_type(options.dialect), options.port, stay=options.stay))


if __name__ == "__main__":
    main()
