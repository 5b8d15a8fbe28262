"""Who may ask the server for what: tokens, cookies, and the hosts and origins that are its own."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from ..errors import InputFileError, bad_value

HEALTH = "/health"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = ("0.0.0.0", "::", "")


class Who(IntEnum):
    """Somebody unknown, one who may look, one who may steer."""

    NOBODY, OBSERVER, OPERATOR = range(3)


@dataclass(frozen=True)
class Asked:
    """A request as far as it matters here. headers: by names like Host; address: the local one at which it came in; token: of
    the query."""

    method: str
    path: str
    headers: Mapping[str, str]
    address: str
    token: str = ""


@dataclass(frozen=True)
class Verdict:
    """refused: status, 0 where it may pass; words: why; cookie: to be set with the answer, empty for none."""

    refused: int = 0
    words: str = ""
    who: Who = Who.NOBODY
    cookie: str = ""


class Access:
    """The rules of one server. host: where it listens; token: of observers, empty where none is needed (loopback only);
    operator: of those who may POST, empty where nobody may."""

    def __init__(self, host: str, *, token: str = "", operator: str = "") -> None:
        _check(host, token, operator)
        self._token, self._operator = token, operator
        names = {host.lower(), *LOOPBACK}
        if host in EVERYWHERE:
            names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        self._names, self._everywhere = names, host in EVERYWHERE

    def judge(self, asked: Asked, port: int) -> Verdict:
        """Host and Origin first, then who asks. `port`: of the server; cookies do not tell ports apart, so their names do."""
        host = asked.headers.get("Host", "")
        name = (urlsplit(f"//{host}").hostname or "").lower()
        if name not in self._names and not (self._everywhere and name == asked.address):
            return Verdict(403, f"Host {host!r} is not this server's")
        origin = asked.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return Verdict(403, f"Origin {origin!r} is not this server's")
        if asked.path == HEALTH and asked.method == "GET":
            return Verdict()
        who, cookie = self._known(asked, f"electrosaxs_{port}")
        if asked.method == "POST":
            if who is Who.OPERATOR:
                return Verdict(who=who)
            if who is Who.OBSERVER:
                return Verdict(403, "this token may look and not steer", who)
            return Verdict(401, "the operator's token is needed")
        if who is Who.NOBODY and self._token:
            return Verdict(401, "a token is needed: Authorization: Bearer TOKEN, or once ?token=TOKEN")
        return Verdict(who=who, cookie=cookie)

    def _known(self, asked: Asked, cookie_name: str) -> tuple[Who, str]:
        """Who it is, and the cookie to set where the token came with the address."""
        kind, _, bearer = asked.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and (who := self._of(bearer.strip())):
            return who, ""
        if asked.token and (who := self._of(asked.token)):
            return who, f"{cookie_name}={self._cookie(who)}; Path=/; HttpOnly; SameSite=Strict"
        try:
            kept = SimpleCookie(asked.headers.get("Cookie", "")).get(cookie_name)
        except CookieError:
            kept = None
        for who in (Who.OPERATOR, Who.OBSERVER):
            if kept is not None and self._secret(who) and _same(kept.value, self._cookie(who)):
                return who, ""
        return Who.NOBODY, ""

    def _of(self, token: str) -> Who:
        for who in (Who.OPERATOR, Who.OBSERVER):
            if self._secret(who) and _same(token, self._secret(who)):
                return who
        return Who.NOBODY

    def _secret(self, who: Who) -> str:
        return self._operator if who is Who.OPERATOR else self._token

    def _cookie(self, who: Who) -> str:
        """What stands for a token in a cookie: not the token itself, and the same after a restart."""
        return hmac.new(self._secret(who).encode(), f"electrosaxs {who.name}".encode(), hashlib.sha256).hexdigest()


def _check(host: str, token: str, operator: str) -> None:
    if not token and not is_loopback(host):
        raise bad_value(
            InputFileError, where="command line", field="--host", value=host,
            rule="is no loopback address, so everybody in the network could look",
            remedy="give --token too, or stay at 127.0.0.1 and use an ssh tunnel",
        )  # fmt: skip
    if operator and operator == token:
        raise bad_value(
            InputFileError, where="command line", field="--operator-token", value="that of --token",
            rule="every observer could end the run", remedy="give two different tokens",
        )  # fmt: skip


def is_loopback(host: str) -> bool:
    """Whether only this computer can reach an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _same(a: str, b: str) -> bool:
    return hmac.compare_digest(a.encode(), b.encode())
