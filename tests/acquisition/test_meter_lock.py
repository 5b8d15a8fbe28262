"""The lock that lets one client to a meter, on a file that is removed by who unlocks."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest

from electrosaxs.acquisition.meter_lock import locked, removed, unlocked

TURNS = 150


def test_clients_that_come_and_go_never_hold_it_together_and_leave_no_file(tmp_path: Path) -> None:
    path, inside, together, had = tmp_path / "meter.lock", [0], list[int](), list[int]()

    def client() -> None:
        turns = 0
        while turns < TURNS:
            if (descriptor := locked(path)) is None:
                continue
            inside[0] += 1
            together.append(inside[0])
            turns += 1
            inside[0] -= 1
            unlocked(descriptor, path)
        had.append(turns)

    clients = [threading.Thread(target=client) for _ in range(4)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    assert set(together) == {1}
    assert had == [TURNS] * 4
    assert not path.exists()


def test_who_opens_the_file_just_before_it_is_removed_holds_the_one_that_others_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, really, first = tmp_path / "meter.lock", fcntl.flock, [locked(tmp_path / "meter.lock")]

    def after_the_first_has_gone(descriptor: int, operation: int) -> None:
        if (one := first.pop() if first else None) is not None:
            unlocked(one, path)
        really(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", after_the_first_has_gone)
    second = locked(path)
    assert second is not None
    assert os.path.samestat(os.fstat(second), path.stat())
    assert locked(path) is None
    unlocked(second, path)


def test_a_file_that_was_left_behind_or_opened_too_early_is_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "meter.lock"
    path.touch()  # of a client that was killed
    first = locked(path)
    assert first is not None
    assert locked(path) is None
    early = os.open(path, os.O_RDONLY)  # a second one, in the middle of coming
    unlocked(first, path)
    assert not path.exists()
    third = locked(path)
    assert third is not None
    assert not os.path.samestat(os.fstat(early), path.stat())
    path.unlink()  # somebody cleans up, and a fourth comes
    fourth = locked(path)
    assert fourth is not None
    unlocked(third, path)
    assert path.exists()
    assert locked(path) is None
    unlocked(fourth, path)
    os.close(early)


def test_only_a_file_that_nobody_holds_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "meter.lock"
    removed(path)
    assert not path.exists()
    held = locked(path)
    assert held is not None
    removed(path)
    assert path.exists()
    os.close(held)  # as a kill does
    removed(path)
    assert not path.exists()
