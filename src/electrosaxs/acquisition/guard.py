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
from collections import deque
from contextlib import suppress
from typing import Any

from .faults import MeterFault
from .keeper import Keeper, MeterLimits

TICK_S = 0.1
GONE, SIGTERM = "its client is gone", "SIGTERM"
ENDED = "ended"
"""Key of its last line, which is the answer to nothing: why it ended."""


class _Ended(BaseException):
    """SIGTERM. No Exception: what catches those of VISA would take it for a reply that does not come, and go on."""


def answer(keeper: Keeper, request: dict[str, Any]) -> dict[str, Any]:
    """Do what a request says. After a fault the output is off, or `output` says that it is not."""
    do, numbers = request["do"], {k: v for k, v in request.items() if k != "do"}
    try:
        return {"ok": True, **getattr(keeper, do)(**numbers)}
    except MeterFault as fault:
        off = {"output": None} if keeper.meter is None else keeper.off()
        return {"ok": False, "error": str(fault), **off}


class Requests:
    """What the client sends, whole lines in their order. gone: the pipe is closed. ended: SIGTERM came, also where it was not
    let through."""

    def __init__(self) -> None:
        self.gone = self.ended = False
        self._lines: deque[dict[str, Any]] = deque()
        self._begun = b""

    def end(self, *_: object) -> None:
        """The handler of SIGTERM: breaks off what is under way."""
        self.ended = True
        raise _Ended

    def next(self, within_s: float) -> dict[str, Any] | None:
        """The next request; None where none came."""
        self._listen(0.0 if self._lines else within_s)
        return self._lines.popleft() if self._lines else None

    def off(self) -> bool:
        """Whether it is over, or the client asks for the output to be off after what is being done for it."""
        self._listen(0.0)
        return self.gone or self.ended or any(one["do"] == "off" for one in self._lines)

    def _listen(self, within_s: float) -> None:
        if self.gone or not select.select([0], [], [], within_s)[0]:
            return
        received = os.read(0, 65536)
        self.gone = not received
        *lines, self._begun = (self._begun + received).split(b"\n")
        self._lines += (json.loads(line) for line in lines)


def serve(keeper: Keeper, requests: Requests) -> str:
    """Answer requests until the client is gone; returns why it ended."""
    while True:
        if requests.ended:
            return SIGTERM
        if keeper.overdue():
            return f"nothing came from its client for {keeper.limits.watchdog_s:g} s"
        request = requests.next(TICK_S)
        if request is not None:
            os.write(1, json.dumps(answer(keeper, request)).encode() + b"\n")
        elif requests.gone:
            return GONE


def main() -> None:
    """The process: limits as the first argument, then requests."""
    sys.modules["numpy"] = None  # type: ignore[assignment]  # pyvisa would take it where it is there
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = Requests()
    signal.signal(signal.SIGTERM, requests.end)
    keeper = Keeper(MeterLimits(**json.loads(sys.argv[1])), wanted_off=requests.off)
    why = SIGTERM
    try:
        why = serve(keeper, requests)
    except _Ended:
        pass
    except BrokenPipeError:
        why = GONE
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if keeper.on:
            known = keeper.unsure  # its client has said so
            off = keeper.off()["output"] is False
            said = "the output is off (OUTP? says 0)" if off else "OUTPUT MAY BE ON"
            if off or not known:
                sys.stderr.write(f"guard: {why}; {said}\n")
        with suppress(OSError):  # a client that was stopped, and goes on, learns why
            os.write(1, json.dumps({ENDED: why}).encode() + b"\n")
        keeper.close()


if __name__ == "__main__":
    main()
