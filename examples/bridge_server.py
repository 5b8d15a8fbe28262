"""A bridge to a beamline: here the simulated one, at yours SPEC, BLISS, Sardana or your own script behind the same lines.

    python examples/bridge_server.py examples/experiment_small.toml --geometry examples/bridge.poni
    electrosaxs acquire examples/plan_bridge.toml --out run

One JSON object a line, one answer a request, in order (docs/how-to/acquire.md). `BridgeServer` is all there is to it:
replace what its functions do. Its simulated cell hangs on the leads of a simulated source meter, which listens too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import socketserver
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from electrosaxs.acquisition.meter_server import serve
from electrosaxs.acquisition.simulated import SimulatedBeamline
from electrosaxs.acquisition.simulated_meter import SimulatedMeter
from electrosaxs.io.cbf import write_cbf
from electrosaxs.io.run_toml import read_experiment
from electrosaxs.twin.live_cell import LiveCell


class BridgeServer(socketserver.StreamRequestHandler):
    """Answers requests to `beamline`, whose cell feels what is between the leads of `meter`."""

    beamline: SimulatedBeamline
    meter: SimulatedMeter

    def handle(self) -> None:
        for line in self.rfile:
            request = json.loads(line)
            self.beamline.electrodes(self.meter.terminal_V)
            try:
                answer = {"ok": True, **getattr(self, "do_" + request["do"])(request)}
            except Exception as error:
                answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
            self.wfile.write(json.dumps({**answer, "id": request.get("id")}).encode() + b"\n")

    def do_hello(self, _: dict[str, Any]) -> dict[str, Any]:
        found = self.beamline.hello()
        return {
            "protocol": "electrosaxs-bridge-1", "clock": "virtual", **self.do_clock({}),
            "detector": {"name": found.detector, "shape": found.shape, "form": "cbf"},
            "height_um": [found.low_um, found.high_um],
        }  # fmt: skip

    def do_clock(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"clock_s": self.beamline.clock()}

    def do_wait(self, request: dict[str, Any]) -> dict[str, Any]:
        self.beamline.wait(request["seconds"])
        return self.do_clock({})

    def do_sample(self, request: dict[str, Any]) -> dict[str, Any]:
        self.beamline.sample(request["name"])
        return self.do_clock({})

    def do_move(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"height_um": self.beamline.move(request["height_um"]), **self.do_clock({})}

    def do_read(self, request: dict[str, Any]) -> dict[str, Any]:
        return _plain(asdict(self.beamline.read(request["exposure_s"])))

    def do_expose(self, request: dict[str, Any]) -> dict[str, Any]:
        return _plain(asdict(self.beamline.expose(request["exposure_s"], Path(request["file"]))))

    def do_stop(self, _: dict[str, Any]) -> dict[str, Any]:
        return {}


def _plain(values: dict[str, float]) -> dict[str, float | None]:
    return {key: value if math.isfinite(value) else None for key, value in values.items()}


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description="The simulated beamline behind a bridge.")
    parser.add_argument("experiment", type=Path, help="what the cell really is: experiment.toml")
    parser.add_argument("--port", type=int, default=7701)
    parser.add_argument("--meter-port", type=int, default=5025)
    parser.add_argument("--geometry", type=Path, help="write the detector's geometry to this file")
    options = parser.parse_args()
    experiment = read_experiment(options.experiment)
    meter = BridgeServer.meter = SimulatedMeter("2450")
    line = BridgeServer.beamline = SimulatedBeamline(
        experiment, lambda: LiveCell(experiment, None, highest_V=40.0), speed=0.0,
        write_image=lambda path, frame, _: write_cbf(path, frame, {}),
    )  # fmt: skip
    if options.geometry is not None:
        line.pixels.geometry.save(str(options.geometry))
    with socketserver.TCPServer(("127.0.0.1", options.port), BridgeServer) as server:
        print(json.dumps({"bridge": server.server_address[1]}), flush=True)
        threading.Thread(target=lambda: asyncio.run(serve(meter, options.meter_port, stay=True)), daemon=True).start()
        server.serve_forever()


if __name__ == "__main__":
    main()
