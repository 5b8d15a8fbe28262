"""What ends a run before its time. A fault names the device, what was expected, and what came instead."""

from __future__ import annotations


class Fault(Exception):
    """A device did not do what it was asked to; the run ends with the output off and its data kept."""

    def __init__(self, device: str, text: str) -> None:
        super().__init__(f"{device}: {text}")
        self.device = device


class MeterFault(Fault):
    """The source meter: no reply, a reply that is none, an error in its queue, a limit, a power cycle."""

    def __init__(self, text: str) -> None:
        super().__init__("source meter", text)


class GuardLost(Fault):
    """The guard process died or does not answer: whoever notices must see to the output."""

    def __init__(self, text: str) -> None:
        super().__init__("guard", text)


class Stopped(Exception):
    """Somebody asked the run to end: a signal, or the operator. code: exit code of the process."""

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.code = code
