"""The guard: a small process that owns the session with the meter and outlives whoever steers it.

Requests come as JSON lines on stdin, answers go to stdout, in order. When the pipe closes, when the client has done
nothing for as long as the watchdog allows, at SIGTERM, and at any fault, the output goes off. It imports no NumPy: it
starts in a quarter of a second and has nothing that could fail for want of memory.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from typing import Any

from .faults import MeterFault
from .keeper import Keeper, MeterLimits

TICK_S = 0.1


class _Ended(Exception):
    """SIGTERM."""


def answer(keeper: Keeper, request: dict[str, Any]) -> dict[str, Any]:
    """Do what a request says. After a fault the output is off, or `output` says that it is not."""
    do, numbers = request["do"], {k: v for k, v in request.items() if k != "do"}
    try:
        return {"ok": True, **getattr(keeper, do)(**numbers)}
    except MeterFault as fault:
        off = {"output": None} if keeper.meter is None else keeper.off()
        return {"ok": False, "error": str(fault), **off}


def serve(keeper: Keeper) -> str:
    """Answer requests until the client is gone; returns why it ended."""
    pending = b""
    while True:
        if keeper.overdue():
            keeper.off()
            return "nothing came from the client for as long as the watchdog allows"
        if not select.select([0], [], [], TICK_S)[0]:
            continue
        received = os.read(0, 65536)
        if not received:
            return "its client is gone"
        *lines, pending = (pending + received).split(b"\n")
        for line in lines:
            os.write(1, json.dumps(answer(keeper, json.loads(line))).encode() + b"\n")


def main() -> None:
    """The process: limits as the first argument, then requests."""
    sys.modules["numpy"] = None  # type: ignore[assignment]  # pyvisa would take it where it is there
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    keeper = Keeper(MeterLimits(**json.loads(sys.argv[1])))
    why = "SIGTERM"
    try:
        why = serve(keeper)
    except _Ended:
        pass
    except BrokenPipeError:
        why = "its client is gone"
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if keeper.on:
            known = keeper.unsure  # its client has said so
            off = keeper.off()["output"] is False
            said = "the output is off (OUTP? says 0)" if off else "OUTPUT MAY BE ON"
            if off or not known:
                sys.stderr.write(f"guard: {why}; {said}\n")
        keeper.close()


def _end(*_: object) -> None:
    raise _Ended


if __name__ == "__main__":
    main()
