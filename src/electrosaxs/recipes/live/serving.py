"""Where a page is served, and how its address is told."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from ...dashboard.server import Server


@dataclass(frozen=True)
class Serving:
    """Where, and for whom: tokens, empty for none; page: False for the numbers alone; quiet: nothing on stdout."""

    host: str = "127.0.0.1"
    port: int = 0
    token: str = ""
    operator: str = ""
    page: bool = True
    quiet: bool = False


def tell(server: Server, serving: Serving) -> None:
    """The first line of stdout, unless it is to be quiet."""
    if serving.quiet:
        return
    print(json.dumps({"url": server.url, "pid": os.getpid()}), flush=True)
