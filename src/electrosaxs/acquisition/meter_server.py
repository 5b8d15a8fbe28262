"""The simulated meter as a program that listens on a TCP port, as the raw socket of a real one does.

    python -m electrosaxs.acquisition.meter_server [--dialect 2450] [--port 0] [--stay]

The first line of stdout is `{"port": N}`. Without --stay it ends when its stdin closes, that is with whoever started it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys

from .simulated_meter import SimulatedMeter

TICK_S = 0.02


async def serve_client(meter: SimulatedMeter, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the lines of one client until it goes; the meter does not care that it went."""
    while line := await reader.readline():
        for answer in meter.execute(line.decode("ascii", "replace").strip()):
            writer.write(answer.encode("ascii") + b"\n")
        try:
            await writer.drain()
        except ConnectionError:
            break
    writer.close()


async def serve(meter: SimulatedMeter, port: int, *, stay: bool) -> None:
    """Listen on localhost, say where, and let the meter's own time go on."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await serve_client(meter, reader, writer)

    server = await asyncio.start_server(client, "127.0.0.1", port)
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
