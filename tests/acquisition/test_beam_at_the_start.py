"""A run waits for a beam that is not there yet, says so, and says when it goes on."""

from types import SimpleNamespace

from electrosaxs.acquisition.measurement import Measurement


def phases_until_beam(counts: list[float]) -> list[str]:
    said: list[str] = []
    beamline = SimpleNamespace(clock=lambda: 0.0)
    rest = iter(counts)
    measurement = SimpleNamespace(
        watch=SimpleNamespace(beamline=beamline),
        record=SimpleNamespace(phase=lambda name, _="": said.append(name)),
        field=SimpleNamespace(wait_until=lambda _: None),
        _read=lambda _: SimpleNamespace(monitor_counts=next(rest)),
    )
    assert Measurement._usual_rate(measurement) > 0.0  # type: ignore[arg-type]
    return said


def test_a_beam_that_comes_late_ends_the_pause() -> None:
    assert phases_until_beam([5.0]) == []
    assert phases_until_beam([0.0, 0.0, 5.0]) == ["paused", "paused", "aligning"]
