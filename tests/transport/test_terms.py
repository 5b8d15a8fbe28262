"""Each term of the balance alone, and their sum; and what comes back when the voltage is reversed."""

import numpy as np
import pytest
from closeness import assert_close
from transport_cases import GAP, PAPER, PHI0, run

from electrosaxs.nouns import VoltageProgram

MODELS = [
    {},
    {"interactions": "hard-spheres"},
    {"field_model": "conduction", "carrier_share": 0.4},
    {"field_model": "electrode-loss", "electrode_loss": 0.2, "charge_model": "exchange", "charge_lifetime_s": 20.0},
    {"interactions": "hard-spheres", "field_model": "conduction", "carrier_share": 0.4, "immobile_fraction": 0.04},
]
REVERSAL = VoltageProgram(time_s=[0.0, 1500.0, 1530.0, 4500.0], voltage_V=[20.0, 20.0, -20.0, -20.0])


@pytest.mark.parametrize("model", MODELS)
def test_terms_sum_to_the_rate_of_change_at_every_height(model: dict[str, object]) -> None:
    sink = {"solubility": 0.006, "attachment_time_s": 40.0}
    history = run(20.0, [1499.0, 1500.0, 1501.0], classes=PAPER, rtol=1e-6, **sink, **model)
    terms = history.flux_terms()
    assert_close(terms.total, terms.drift + terms.diffusion + terms.interaction, rel=1e-14)
    inflow = (np.diff(terms.total[1], axis=-1) / np.diff(history.edges)).sum(axis=0)
    change = (history.total_phi()[2] - history.total_phi()[0]) / 2.0
    assert_close(change, inflow, rel=1e-3, floor=1e-4 * np.abs(inflow).max())


@pytest.mark.parametrize("model", MODELS)
def test_nothing_passes_the_cathode_and_only_what_attaches_the_anode(model: dict[str, object]) -> None:
    history = run(20.0, [1500.0, 3300.0], classes=PAPER, solubility=0.006, attachment_time_s=40.0, **model)
    terms = history.flux_terms()
    scale = history.supply_flux().max()
    assert_close(terms.total[:, :, 0], terms.attachment, rel=1e-9, floor=1e-12 * scale)
    assert np.abs(terms.total[:, :, -1]).max() < 1e-12 * scale


def test_diffusion_opposes_drift_at_the_closed_anode_and_repulsion_helps_it() -> None:
    history = run(20.0, [3300.0], classes=PAPER, interactions="hard-spheres")
    drift, diffusion, repulsion = (
        t[0].sum(axis=0)[0]
        for t in (history.flux_terms().drift, history.flux_terms().diffusion, history.flux_terms().interaction)
    )
    assert drift > 0.0
    assert diffusion < 0.0
    assert repulsion < 0.0
    assert_close(drift + diffusion + repulsion, 0.0, rel=0.0, floor=1e-12 * drift)
    assert -repulsion > 0.05 * drift


@pytest.mark.parametrize("model", [m for m in MODELS if "immobile_fraction" not in m])
def test_reversal_brings_the_particles_back_and_to_the_other_electrode(model: dict[str, object]) -> None:
    history = run(REVERSAL, [0.0, 1500.0, 2100.0, 4500.0], classes=PAPER, **model)
    wall = history.wall_phi()
    assert wall[1] > 4.0 * PHI0
    assert wall[3] < 0.15 * PHI0
    assert history.total_phi()[3, -1] > 4.0 * PHI0
    assert_close(history.inventory(), np.tile(GAP * history.start_phi, (4, 1)), rel=1e-12)


def test_a_reversed_run_is_the_mirror_image() -> None:
    up = run(20.0, [900.0, 1800.0], classes=PAPER, rtol=1e-6, field_model="conduction", carrier_share=0.4)
    down = run(-20.0, [900.0, 1800.0], classes=PAPER, rtol=1e-6, field_model="conduction", carrier_share=0.4)
    heights = np.array([0.0, 50.0, 200.0, 1000.0, 3000.0]) * 1e-6
    mirrored = down.at(np.array([[900.0], [1800.0]]), GAP - heights)
    direct = up.at(np.array([[900.0], [1800.0]]), heights)
    assert_close(mirrored.sum(axis=-1), direct.sum(axis=-1), rel=2e-3, floor=1e-3 * PHI0)


def test_clusters_that_do_not_move_keep_their_place_in_every_model() -> None:
    model = {"interactions": "hard-spheres", "field_model": "conduction", "carrier_share": 0.4}
    history = run(20.0, [3300.0], classes=PAPER, immobile_fraction=0.04, **model)
    clusters = history.phi[0, np.flatnonzero(history.classes.diameter_nm == 3.0)[0]]
    assert_close(clusters, np.full(len(history.z), 0.04 * PHI0), rel=1e-9)
