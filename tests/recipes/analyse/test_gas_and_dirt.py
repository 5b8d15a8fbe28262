"""Gas that neither light nor solvent tells at the anode is in phi's sigma, as far as it can be there."""

from types import SimpleNamespace

import numpy as np
import pytest

from electrosaxs.analysis.concentration.missing_solvent import MissingSolvent
from electrosaxs.nouns import Beam, FloatArray
from electrosaxs.nouns.contributions import DEPOSIT, GAS
from electrosaxs.recipes.analyse.gas_and_dirt import gas_or_edge, in_the_mean, steps_of_phi

SHAPE, START = (8, 4), 8e-4
TIME = 150.0 * np.arange(8.0)[:, None] + 15.0 * np.arange(4.0)
CUT = np.arange(4) < 1
NOBODY = np.zeros(SHAPE, dtype=bool)
AFTER = np.arange(8) >= 3


def seen(step: float = 0.0, *, lacks: float = 0.0, solvent_sigma: float = 0.02, height: int = 0) -> SimpleNamespace:
    """Scans of which those from the fourth on read `step` more at one height, and lack solvent."""
    rest = 4e-4 * np.random.default_rng(5).standard_normal(SHAPE)
    rest[AFTER, height] += step
    share = np.zeros(SHAPE)
    share[AFTER, height] = lacks
    return SimpleNamespace(
        layer=SimpleNamespace(logarithm=np.zeros(SHAPE)), logarithm=rest, relative=np.full(SHAPE, 4e-4),
        phi=np.full(SHAPE, START),
        known=~NOBODY, fraction=np.zeros(SHAPE), cut=CUT, solvent_depth=0.1,
        solvent=MissingSolvent(share, np.full(SHAPE, solvent_sigma)),
        grid=SimpleNamespace(time=TIME, heights=np.array([0.0, 50.0, 100.0, 300.0])),
        run=SimpleNamespace(beam=Beam(energy_keV=20.0, fwhm_um=34.0)),
    )  # fmt: skip


def test_phi_that_steps_down_may_be_gas_after_it_or_a_deposit_before() -> None:
    found, words = steps_of_phi(seen(-0.015), NOBODY)  # type: ignore[arg-type]
    assert np.all(np.abs(found[GAS][AFTER, 0] - 0.015) < 2e-3)
    assert np.all(np.abs(found[DEPOSIT][~AFTER, 0] - 0.015) < 2e-3)
    assert not found[GAS][~AFTER].any()
    assert not found[DEPOSIT][AFTER].any()
    assert not found[GAS][:, 1:].any()
    assert words[0].startswith("phi at 0 um steps by -1.6 % in scan 3 and stays")


@pytest.mark.parametrize(("lacks", "kept"), [(0.015, GAS), (0.0, DEPOSIT)])
def test_solvent_says_whether_a_step_is_gas(lacks: float, kept: str) -> None:
    found, _ = steps_of_phi(seen(-0.015, lacks=lacks, solvent_sigma=0.003), NOBODY)  # type: ignore[arg-type]
    assert list(found) == [kept]


def test_runs_without_a_step_or_a_layer_have_nothing_more() -> None:
    assert steps_of_phi(seen(), NOBODY) == ({}, ())  # type: ignore[arg-type]
    other = seen(-0.015)
    other.layer = None
    assert steps_of_phi(other, NOBODY) == ({}, ())


def edge(
    place: float, sigma: float, *, solvent_sigma: float = 0.02, out: np.ndarray = NOBODY, seen_um: float | None = 0.001
) -> FloatArray:
    view = seen(lacks=0.015, solvent_sigma=solvent_sigma)
    measures = SimpleNamespace(place=np.array([place, 0.0, 0.0, 0.0]), place_sigma=np.array([sigma, 0.0, 0.0, 0.0]))
    return gas_or_edge(measures, view, out, seen_um)  # type: ignore[arg-type]


def test_more_light_than_the_knife_edge_lets_may_be_gas_as_far_as_solvent_allows() -> None:
    assert np.allclose(edge(1.4e-3, 2e-4)[:, 0], 0.014, rtol=1e-9)  # a tenth of the path's 0.1
    assert not edge(4e-4, 2e-4).any()
    assert not edge(-1.4e-3, 2e-4).any()
    assert not edge(1.4e-3, 2e-4, seen_um=0.05).any()  # of the edge's own height
    assert not edge(1.4e-3, 2e-4, seen_um=None).any()
    assert np.allclose(edge(1.4e-2, 2e-4, solvent_sigma=0.003)[~AFTER, 0], 0.006, rtol=1e-9)
    assert not edge(1.4e-3, 2e-4)[:, 1:].any()


def test_where_scans_are_out_for_gas_the_others_may_hold_as_much() -> None:
    out = NOBODY.copy()
    out[3:6, 0] = True
    assert np.allclose(
        edge(0.0, 2e-4, solvent_sigma=0.003, out=out)[~AFTER, 0], 0.00415, rtol=1e-3
    )  # two sigmas of the light
    assert np.allclose(edge(0.0, 2e-3, solvent_sigma=0.003, out=out)[~AFTER, 0], 0.006, rtol=1e-9)  # of the solvent
    assert np.allclose(edge(0.0, 2e-4, solvent_sigma=0.003, out=out, seen_um=None)[~AFTER, 0], 0.006, rtol=1e-9)


def test_gas_at_the_anode_is_in_the_sigma_of_those_it_makes_part_of_the_profile_of() -> None:
    response = np.zeros((*SHAPE, 5))
    response[..., 2], response[:, 1, 1] = 1.2, -0.3
    share = np.zeros(SHAPE)
    share[AFTER, 0] = 0.01
    mean = in_the_mean(share, SimpleNamespace(response=response))  # type: ignore[arg-type]
    assert np.allclose(mean[AFTER, :2], [0.012, 0.003], rtol=1e-9)
    assert not mean[:, 2:].any()
    assert not mean[~AFTER].any()
