"""One VISA session with an instrument that talks in lines: TCP socket, USB, GPIB, by PyVISA with its Python backend."""

from __future__ import annotations

import contextlib
from typing import Any, Protocol

from .scpi import split_outside_quotes

LONGEST_OPEN_S = 2.0


class NoReply(Exception):
    """Nothing came within the time limit, or the connection is gone."""


class Port(Protocol):
    """What the driver needs of a connection. slowness: times the time limit within which a reply counts."""

    slowness: float

    def send(self, *lines: str) -> None:
        """Send all lines in one piece, so that the instrument has all of them or none. NoReply where it cannot."""

    def receive(self) -> str:
        """The next line of the instrument, within the time limit. NoReply where none comes."""

    def reconnect(self) -> None:
        """Close the session and open another. NoReply where nobody answers there."""

    def close(self) -> None:
        """Close the session; the instrument does not care."""


class VisaPort:
    """A VISA session. `timeout_s`: a reply that is later counts as none."""

    def __init__(self, resource: str, timeout_s: float) -> None:
        import pyvisa

        self.resource, self._timeout_s, self.slowness = resource, timeout_s, 1.0
        self._manager = pyvisa.ResourceManager("@py")
        self._session: Any = None
        # a socket is a stream in which each line is a message and each query has a line of its own for an answer; elsewhere
        # one transfer is one message, and its answers come in one line
        self._stream = resource.upper().endswith("SOCKET")
        self._answers: list[str] = []

    def send(self, *lines: str) -> None:
        try:
            if self._session is None:
                self._open()
            self._session.write_raw((("\n" if self._stream else ";").join(lines) + "\n").encode("ascii"))
        except Exception as error:  # pyvisa-py raises VisaIOError, OSError and bare Exception
            raise NoReply(f"{self.resource}: cannot be written to ({_short(error)})") from error

    def receive(self) -> str:
        if self._answers:
            return self._answers.pop(0)
        limit_s = self._timeout_s * self.slowness
        try:
            self._session.timeout = 1e3 * limit_s
            line = str(self._session.read())
            answer, *self._answers = [line] if self._stream else split_outside_quotes(line, ";")
            return answer
        except UnicodeDecodeError:
            return "\N{REPLACEMENT CHARACTER}"
        except Exception as error:
            raise NoReply(f"{self.resource}: no reply within {limit_s:g} s ({_short(error)})") from error

    def reconnect(self) -> None:
        self.close()
        self._answers = []
        try:
            self._open()
        except Exception as error:
            raise NoReply(f"{self.resource}: cannot be opened ({_short(error)})") from error

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(Exception):
                session.close()

    def _open(self) -> None:
        session: Any = self._manager.open_resource(self.resource, open_timeout=int(1e3 * LONGEST_OPEN_S))
        session.timeout = 1e3 * self._timeout_s
        session.read_termination = session.write_termination = "\n"
        self._session = session


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
