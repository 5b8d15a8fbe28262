"""Who may look and who may steer: every row of the rules, over HTTP."""

import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from electrosaxs.dashboard import files
from electrosaxs.dashboard.access import Access
from electrosaxs.dashboard.files import NoPage, PageFiles
from electrosaxs.dashboard.server import Server
from electrosaxs.errors import InputFileError

LINES = b'{"index": 0}\n{"index": 1}\n'


class Told:
    """A feed that keeps what it was asked for."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, object]] = []

    def health(self) -> dict[str, Any]:
        return {"status": "ok"}

    def state(self) -> dict[str, Any]:
        return {"phase": "running", "flux_slice": {"value": float("nan"), "sigma": [float("inf"), 1.0]}}

    def lines(self, since: int) -> bytes:
        return b"".join(LINES.splitlines(keepends=True)[since:])

    def news(self, since: Mapping[str, str]) -> dict[str, Any]:
        return {}

    def order(self, do: str, value: object, who: str) -> tuple[int, dict[str, Any]]:
        self.orders.append((do, value))
        return 202, {"accepted": do}


class Asking:
    """A server with a feed, and how to ask it."""

    def __init__(self, token: str, operator: str) -> None:
        self.feed = Told()
        self.server = Server("127.0.0.1", 0, Access("127.0.0.1", token=token, operator=operator), self.feed, NoPage())
        self.port = self.server.server_address[1]

    def __call__(
        self, method: str, path: str, body: str = "", **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request(method, path, body or None, {name.replace("_", "-"): v for name, v in headers.items()})
        answer = connection.getresponse()
        found = answer.status, answer.headers, answer.read()
        connection.close()
        return found


@pytest.fixture
def open_to_this_computer() -> Iterator[Asking]:
    asking = Asking("", "op")
    yield asking
    asking.server.shutdown()
    asking.server.server_close()


@pytest.fixture
def closed() -> Iterator[Asking]:
    asking = Asking("see", "op")
    yield asking
    asking.server.shutdown()
    asking.server.server_close()


EVERYTHING = ("/", "/api/state", "/api/frames?since=0", "/api/news", "/ws", "/page.js")
ORDERS = ("/api/abort", "/api/pause", "/api/resume")


def test_on_this_computer_everybody_may_look_and_only_the_operator_steer(open_to_this_computer: Asking) -> None:
    ask = open_to_this_computer
    for path in ("/health", "/api/state", "/api/frames?since=0"):
        assert ask("GET", path)[0] == 200, path
    for path in ORDERS:
        assert ask("POST", path)[0] == 401
        assert ask("POST", path, Authorization="Bearer wrong")[0] == 401
        assert ask("POST", path, Authorization="Bearer op")[0] == 202
    assert [do for do, _ in ask.feed.orders] == ["abort", "pause", "resume"]


def test_with_a_token_nothing_but_health_is_open(closed: Asking) -> None:
    for path in EVERYTHING:
        assert closed("GET", path)[0] == 401, path
        assert closed("GET", path, Authorization="Bearer wrong")[0] == 401, path
    assert closed("GET", "/ws", Upgrade="websocket", Connection="Upgrade", Sec_WebSocket_Version="13")[0] == 401
    for method in ("HEAD", "PUT", "DELETE", "OPTIONS"):
        assert closed(method, "/")[0] == 401, method
        assert closed(method, "/", Authorization="Bearer op")[0] == 405, method
    assert closed("GET", "/health")[0] == 200
    for token in ("see", "op"):
        assert closed("GET", "/api/state", Authorization=f"Bearer {token}")[0] == 200
    assert closed("POST", "/api/abort")[0] == 401
    assert closed("POST", "/api/abort", Authorization="Bearer see")[0] == 403
    assert closed("POST", "/api/abort", Authorization="Bearer op")[0] == 202


def test_a_token_in_the_address_becomes_a_cookie_that_does_not_tell_it(closed: Asking) -> None:
    status, headers, _ = closed("GET", "/api/state?token=see")
    cookie = headers["Set-Cookie"]
    assert status == 200
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "see" not in cookie.partition("=")[2].partition(";")[0]
    kept = cookie.partition(";")[0]
    assert closed("GET", "/api/state", Cookie=kept)[0] == 200
    assert closed("POST", "/api/abort", Cookie=kept)[0] == 403
    assert closed("GET", "/api/state", Cookie=kept[:-1] + "x")[0] == 401
    operator = closed("GET", "/api/state?token=op")[1]["Set-Cookie"].partition(";")[0]
    assert closed("POST", "/api/abort", Cookie=operator)[0] == 202


@pytest.mark.parametrize("path", ["/health", "/api/state"])
def test_foreign_hosts_and_origins_are_refused(closed: Asking, path: str) -> None:
    right = {"Authorization": "Bearer op"}
    assert closed("GET", path, Host="evil.example", **right)[0] == 403
    assert closed("GET", path, Host=f"localhost:{closed.port}", **right)[0] == 200
    assert closed("GET", path, Origin="http://evil.example", **right)[0] == 403
    assert closed("GET", path, Origin="null", **right)[0] == 403
    assert closed("GET", path, Origin=f"http://127.0.0.1:{closed.port}", **right)[0] == 200


def test_an_order_from_a_foreign_page_is_refused_whatever_it_brings(closed: Asking) -> None:
    assert closed("POST", "/api/abort", Origin="http://evil.example", Authorization="Bearer op")[0] == 403
    assert closed.feed.orders == []


def test_a_set_point_comes_with_its_value(closed: Asking) -> None:
    right = {"Authorization": "Bearer op"}
    assert closed("POST", "/api/set-point", json.dumps({"value": 3e-10}), **right)[0] == 202
    for body in ("", "3e-10", "[]", '{"flux": 3e-10}', "{"):
        assert closed("POST", "/api/set-point", body, **right)[0] == 422, body
    assert closed.feed.orders == [("set-point", 3e-10)]


def test_frames_come_from_a_number_on_as_lines_or_as_a_list(open_to_this_computer: Asking) -> None:
    ask = open_to_this_computer
    assert ask("GET", "/api/frames?since=1")[2] == b'{"index": 1}\n'
    assert json.loads(ask("GET", "/api/frames?since=0", Accept="application/json")[2]) == [{"index": 0}, {"index": 1}]
    assert json.loads(ask("GET", "/api/state")[2])["flux_slice"] == {"value": None, "sigma": [None, 1.0]}
    assert ask("GET", "/nothing")[0] == 404
    assert ask("POST", "/api/nothing", Authorization="Bearer op")[0] == 404


def test_another_host_needs_a_token_and_two_tokens_are_two() -> None:
    for host in ("0.0.0.0", "192.168.0.7", "beamline.example", "::"):
        with pytest.raises(InputFileError, match="give --token too"):
            Access(host)
        Access(host, token="see")
    for host in ("127.0.0.1", "localhost", "::1", "127.0.0.7"):
        Access(host)
    with pytest.raises(InputFileError, match="two different tokens"):
        Access("127.0.0.1", token="same", operator="same")


def test_without_the_extra_it_is_said_which_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    with pytest.raises(InputFileError, match=r"pip install 'electrosaxs\[dashboard\]', or give --no-page"):
        PageFiles()
