"""Dark counts of the transmission diode show behind the anode, where the detector sees no light either."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipp as sc
from scipy.special import ndtr

from electrosaxs.nouns import Role
from electrosaxs.recipes.analyse.diode_dark import DiodeDark, diode_dark, without_diode_dark

FWHM = 30.0
HEIGHT = np.linspace(-45.0, 45.0, 16)
COUNTS, OPEN = 4e6, 0.42


def frames(
    dark: float, *, halo: float = 0.0, edge: float = 0.0, seed: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Transmission, counts and open share: `halo` of the beam is ten times as wide, `edge` of it is scattered by the metal."""
    rng = np.random.default_rng(seed)
    x = 2.3548 * HEIGHT / FWHM
    light = (1.0 - halo) * ndtr(x) + halo * ndtr(x / 10.0)
    counts = rng.poisson(COUNTS * (light + edge * np.exp(-0.5 * x**2))).astype(float)
    return OPEN * light * (1.0 + 1e-4 * rng.standard_normal(x.size)) + dark, counts, ndtr(x)


def found(dark: float, **more: float) -> DiodeDark:
    light, counts, share = frames(dark, **more)  # type: ignore[arg-type]
    told = diode_dark(light, counts, np.sqrt(counts), share)
    assert told is not None
    return told


@pytest.mark.parametrize("dark", [0.001, 0.02])
def test_dark_counts_are_found_to_their_sigma(dark: float) -> None:
    pulls = np.array([(one.value - dark) / one.sigma for one in (found(dark, seed=seed) for seed in range(20))])
    assert found(dark).told
    assert np.abs(pulls).max() < 4.0
    assert found(dark).sigma < 0.05 * dark


def test_a_diode_that_reads_nothing_in_the_dark_has_none() -> None:
    assert not any(found(0.0, seed=seed).told for seed in range(50))


def test_light_that_goes_round_the_edge_scatters_as_well_and_is_no_dark_reading() -> None:
    light, _, share = frames(0.0, halo=0.05)
    assert light[share < 0.02].max() > 0.01 * OPEN
    assert not found(0.0, halo=0.05).told


def test_what_the_edge_scatters_hides_dark_counts_and_never_adds_any() -> None:
    assert found(0.003, edge=0.02).value < 0.003
    assert not found(0.0, edge=0.02).told


def test_all_frames_are_freed_of_it_and_the_run_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    light, counts, _ = frames(0.02)
    role = np.array([str(Role.ALIGNMENT)] * HEIGHT.size + [str(Role.SAMPLE)] * 2)
    table = SimpleNamespace(
        height=np.append(HEIGHT, [0.0, 100.0]),
        transmission=np.append(light, [0.1, 0.3]),
        monitor=np.ones(role.size),
    )
    values = np.append(counts, [1.0, 1.0])

    def of(indices: np.ndarray) -> SimpleNamespace:
        column = sc.array(dims=["frame", "q"], values=values[indices][:, None])
        return SimpleNamespace(counts=column, norm=sc.ones_like(column))

    run = SimpleNamespace(
        run=SimpleNamespace(beam=SimpleNamespace(fwhm_um=FWHM), detector=SimpleNamespace(dead_time_ns=None)),
        table=table,
        notes=(),
        counts=of,
        frames=lambda wanted: np.flatnonzero(role == str(wanted)),
    )
    monkeypatch.setattr(
        "electrosaxs.recipes.analyse.diode_dark.replace", lambda what, **new: SimpleNamespace(**{**vars(what), **new})
    )
    freed = without_diode_dark(run)  # type: ignore[arg-type]
    assert np.allclose(freed.table.transmission[-2:], [0.08, 0.28], atol=1e-4, rtol=0.0)
    assert np.all(freed.table.transmission > 0.0)
    assert "dark counts" in freed.notes[0]
