"""Files that are kept open between reads, a bounded number of them, for any number of threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

MOST = 6


class Closes(Protocol):
    """What is kept open."""

    def close(self) -> None: ...


Key = TypeVar("Key", bound=Hashable)
Opened = TypeVar("Opened", bound=Closes)


class KeptOpen(Generic[Key, Opened]):
    """What `make` opened, by key; beyond MOST the one that was not used for longest is closed. None is closed while a thread
    uses it."""

    def __init__(self, make: Callable[[Key], Opened]) -> None:
        self._make, self._lock = make, threading.Lock()
        self._kept: OrderedDict[Key, Opened] = OrderedDict()
        self._users: dict[Key, int] = {}

    @contextmanager
    def of(self, key: Key) -> Iterator[Opened]:
        """What `key` opens; raises what `make` raises."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._make(key)
            self._kept.move_to_end(key)
            self._users[key] = self._users.get(key, 0) + 1
            kept = self._kept[key]
        try:
            yield kept
        finally:
            with self._lock:
                self._users[key] -= 1
                for old in [k for k in self._kept if not self._users[k]][: max(len(self._kept) - MOST, 0)]:
                    self._kept.pop(old).close()
                    del self._users[old]

    def close(self) -> None:
        """Close everything; nothing may be in use."""
        with self._lock:
            for kept in self._kept.values():
                kept.close()
            self._kept.clear()
            self._users.clear()
