"""The HTTP server of live and view: rules first, then state, frames, page and the operator's requests.

Plain HTTP by the standard library. The page asks for what is new (since=N), so that the server keeps nothing per observer
and no connection has to stay.
"""

from __future__ import annotations

import json
import math
import socket
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from ..errors import InputFileError, bad_value
from .access import EVERYWHERE, HEALTH, Access, Asked, Verdict, Who

JSON, LINES = "application/json", "application/x-ndjson"
ORDERS = {"/api/abort": "abort", "/api/pause": "pause", "/api/resume": "resume", "/api/set-point": "set-point"}
LONGEST_BODY = 10_000
IDLE_S = 60.0
SCRIPTS = "script-src 'self' 'unsafe-eval'"  # eval: for those who drive a browser by program
SAFETY = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'self'; {SCRIPTS}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Feed(Protocol):
    """What is shown, and who hears the operator. Called from any number of threads."""

    def health(self) -> dict[str, Any]:
        """Of this process, open to everybody."""

    def state(self) -> dict[str, Any]:
        """Of the run, with estimates."""

    def lines(self, since: int) -> bytes:
        """Lines of live.jsonl from number `since` on."""

    def news(self, since: Mapping[str, str]) -> dict[str, Any]:
        """What is new for a page that has what `since` says."""

    def order(self, do: str, value: object, who: str) -> tuple[int, dict[str, Any]]:
        """Pass on an order; status and answer."""


class Files(Protocol):
    """The files of the page."""

    def get(self, path: str) -> tuple[str, bytes] | None:
        """Media type and content, None where there is no such file."""


class Server(ThreadingHTTPServer):
    """Serves `feed` and the files of the page."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, host: str, port: int, access: Access, feed: Feed, files: Files) -> None:
        self.access, self.feed, self.files = access, feed, files
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), Handler)
        except OSError as error:
            raise bad_value(
                InputFileError, where="command line", field="--host, --port", value=f"{host}:{port}",
                rule=(error.strerror or str(error)).lower(), remedy="give a free port, or 0 for any",
            ) from error  # fmt: skip
        threading.Thread(target=self.serve_forever, daemon=True, name="http").start()

    @property
    def url(self) -> str:
        """Where the page is."""
        host, port = self.server_address[:2]
        name = "127.0.0.1" if str(host) in EVERYWHERE else str(host)
        return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """An observer who goes away in the middle of an answer is none."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "electrosaxs", ""
    timeout = IDLE_S

    def do_GET(self) -> None:
        """Everything that only looks."""
        verdict, path, query = self._judged()
        if verdict.refused:
            return
        try:
            self._look(verdict, path, query)
        except OSError:
            raise
        except Exception as error:  # a page that cannot be made must not look as if the server were gone
            self._answer(500, {"error": f"{type(error).__name__}: {error}"})

    def _look(self, verdict: Verdict, path: str, query: Mapping[str, str]) -> None:
        feed = self.server.feed
        found: tuple[str, bytes] | None
        if path == HEALTH:
            found = (JSON, _json(feed.health()))
        elif path == "/api/state":
            found = (JSON, _json(feed.state()))
        elif path == "/api/frames":
            found = self._frames(query.get("since", "0"))
        elif path == "/api/news":
            found = (JSON, _json({**feed.news(query), "operator": verdict.who is Who.OPERATOR}))
        else:
            found = self.server.files.get(path)
        if found is None:
            self._answer(404, {"error": f"{path}: there is no such page"})
        else:
            self._send(200, *found, cookie=verdict.cookie)

    def do_POST(self) -> None:
        """The operator's orders."""
        body = self._body()
        verdict, path, _ = self._judged()
        if verdict.refused:
            return
        if path not in ORDERS:
            self._answer(404, {"error": f"{path}: there is no such order"})
            return
        value: object = None
        if path == "/api/set-point":
            try:
                value = json.loads(body)["value"]
            except (ValueError, KeyError, TypeError):
                self._answer(422, {"error": 'the body must be {"value": NUMBER}, in m/s'})
                return
        who = f"the operator at {self.client_address[0]}"
        try:
            answer = self.server.feed.order(ORDERS[path], value, who)
        except Exception as error:  # an order that cannot be passed on is answered too
            answer = 500, {"error": f"{type(error).__name__}: {error}"}
        self._answer(*answer)

    def _no_such_method(self) -> None:
        """Anything but looking and ordering: the rules hold for it too."""
        self.close_connection = True
        verdict, _, _ = self._judged()
        if not verdict.refused:
            self._answer(405, {"error": f"{self.command}: only GET and POST are answered"})

    do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _no_such_method

    def _judged(self) -> tuple[Verdict, str, dict[str, str]]:
        """Verdict, path and query; what is refused is answered here."""
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        host, port = self.connection.getsockname()[:2]
        asked = Asked(
            self.command,
            parts.path,
            {name.title(): value for name, value in self.headers.items()},
            host,
            query.get("token", ""),
        )
        verdict = self.server.access.judge(asked, port)
        if verdict.refused:
            self._answer(verdict.refused, {"error": verdict.words})
        return verdict, parts.path, query

    def _frames(self, since: str) -> tuple[str, bytes]:
        """live.jsonl as it stands; as one JSON list for who asks for JSON."""
        lines = self.server.feed.lines(int(since) if since.isdecimal() else 0)
        if JSON in self.headers.get("Accept", ""):
            return JSON, b"[" + b",".join(lines.splitlines()) + b"]"
        return LINES, lines

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        size = int(length) if length.isdecimal() else 0
        if size > LONGEST_BODY:
            self.close_connection = True
            return b""
        return self.rfile.read(size)

    def _answer(self, status: int, answer: Mapping[str, Any]) -> None:
        self._send(status, JSON, _json(answer))

    def _send(self, status: int, kind: str, content: bytes, *, cookie: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in SAFETY.items():
            self.send_header(name, value)
        if cookie:
            self.send_header("Set-Cookie", cookie)
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are no news."""


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(_finite(value), allow_nan=False).encode()


def _finite(value: Any) -> Any:
    """The same with null for every number that is none: browsers read no NaN."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
