"""The process that analyses the whole map, as the follower sees it. Nothing heavy is imported: the page is served before."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from typing import Any

PASS, END = "pass", "end"


class Passes:
    """The process as the follower sees it: one request at a time. `answer`: of the last one, None while it works."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "electrosaxs.recipes.live.passes"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.busy = False
        threading.Thread(target=self._read, daemon=True).start()

    def ask(self, **request: Any) -> None:
        """Begin with a request."""
        assert self._process.stdin is not None
        self.busy = True
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            self._answers.put({"gone": "the process of the analysis is gone"})

    def answer(self, seconds: float = 0.0) -> dict[str, Any] | None:
        """What came of it, None where it is not done within `seconds`."""
        try:
            found = self._answers.get(timeout=seconds) if seconds else self._answers.get_nowait()
        except queue.Empty:
            return None
        self.busy = False
        return found

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(json.loads(line))
        self._answers.put({"gone": "the process of the analysis is gone"})
