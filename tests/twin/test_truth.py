"""The truth keeps the laws (closed cell, continuity, crystals from what arrives) and agrees with other routes."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from closeness import assert_close
from expected_maps import expected_maps

from electrosaxs.nouns import Experiment, GrowthSettings, RunResults, VoltageProgram
from electrosaxs.transport.onset import onset_time
from electrosaxs.twin.beamline import Beamline
from electrosaxs.twin.cell import simulate_cell
from electrosaxs.twin.schedule import schedule
from electrosaxs.twin.truth import TruthRecord, _crystalline_fraction, mean_supply


@pytest.fixture(scope="module")
def truth(beamline: Beamline) -> RunResults:
    record = TruthRecord(beamline)
    for index, exposure in enumerate(beamline.exposures()):
        record.add(index, exposure)
    return record.results("86 V/cm", {"hot_pixels_yx": np.array([[1.0, 2.0]])})


def test_closed_cell_keeps_its_particles(truth: RunResults) -> None:
    assert_close(truth.mass_balance.values, np.ones(8), rel=1e-9)


def test_maps_agree_with_the_transport_seen_through_a_beam(beamline: Beamline, truth: RunResults) -> None:
    phi = truth.volume_fraction
    maps = expected_maps(beamline.history, beamline.experiment, phi.coord("time"), phi.coord("height"))
    assert_close(phi.values - truth.quality["volume_fraction_crystals"], maps.phi_solution.sum(axis=-1), rel=2e-5)
    above = phi.coord("height") > 100.0
    assert_close(truth.diameter.values[:, above], maps.diameter_nm[:, above], rel=1e-5)
    assert_close(truth.deviation.values[:, above], maps.deviation_nm[:, above], rel=1e-4)
    assert_close(truth.quality["volume_fraction_at_centre"], maps.phi_point, rel=1e-6)


def test_a_beam_sees_less_than_there_is_where_phi_is_steep(truth: RunResults) -> None:
    ratio = truth.quality["volume_fraction_seen"] / truth.volume_fraction.values
    assert ratio.max() <= 1.0 + 1e-9
    assert 0.9 < ratio[-1, 1] < 0.96  # 50 um, 86 V/cm
    assert_close(ratio[:, 5], np.ones(8), rel=1e-6)  # in the bulk
    assert truth.quality["diameter_seen"][-1, 1] < truth.diameter.values[-1, 1]  # what is denser is also larger


def test_flux_is_zero_on_a_closed_anode_and_the_growth_rate_later(beamline: Beamline, truth: RunResults) -> None:
    flux, onset = truth.flux, onset_time(beamline.history)
    time = flux.coord("time")[:, 0]
    assert np.abs(flux.values[time < onset, 0]).max() < 1e-14
    late = time[-1]
    rise = np.diff(beamline.history.crystals_at(np.array([late - 5.0, late + 1.0])).sum(axis=-1))[0] / 6.0
    assert_close(flux.values[-1, 0], rise, rel=0.01)
    assert_close(flux.values[0, 4:7], np.full(3, truth.numbers["supply_flux"].value), rel=1e-3)


def test_onset_is_when_the_wall_reaches_the_solubility(beamline: Beamline, truth: RunResults) -> None:
    onset = truth.numbers["onset_time"].value
    assert_close(beamline.history.at(onset, 0.0).sum(), 0.011, rel=1e-4)
    assert 0.007 < truth.numbers["onset_volume_fraction"].value < 0.011
    crystals = truth.crystalline_fraction
    after = crystals.coord("time") > onset
    assert not crystals.values[~after].any()
    assert np.all(np.diff(crystals.values[after]) > 0.0)
    assert np.isnan(truth.lattice_constant.values[~after]).all()
    assert_close(truth.lattice_constant.values[after], np.full(after.sum(), 15.1), rel=1e-12)


def test_slice_flux_follows_the_growth_curve(truth: RunResults) -> None:
    before = truth.growth.coord("time") < truth.numbers["onset_time"].value
    slope = np.polyfit(truth.growth.coord("time")[before], truth.growth.values[before], 1)[0]
    assert_close(truth.numbers["slice_flux"].value, 50e-6 * slope, rel=1e-9)
    between = truth.flux_slice.values[before]
    assert between.min() < truth.numbers["slice_flux"].value < between.max()
    assert truth.numbers["slice_flux"].value < truth.numbers["supply_flux"].value


def test_slice_flux_of_each_scan_is_fifty_micrometres_of_growth(truth: RunResults) -> None:
    time, phi = truth.growth.coord("time"), truth.growth.values
    grown = 50e-6 * np.diff(phi) / np.diff(time)
    along = 0.5 * (truth.flux_slice.values[1:] + truth.flux_slice.values[:-1])
    before = time[1:] < truth.numbers["onset_time"].value
    assert before.sum() > 2
    assert_close(along[before][1:], grown[before][1:], rel=0.05)  # between the first two the growth slows down


def test_crystalline_fraction_counts_particles_and_not_their_volume() -> None:
    """Half of the large ones and none of the small ones: by number less than by volume."""
    volume, phi = np.array([1.0, 4.0]), np.array([[1.0, 1.0]])
    assert_close(_crystalline_fraction(phi, np.array([[0.0, 0.5]]), volume), [0.125 / 1.25], rel=1e-12)


@pytest.mark.parametrize("attachment", [0.0, 40.0, 4000.0])
def test_onset_does_not_depend_on_how_fast_crystals_grow(beamline: Beamline, attachment: float) -> None:
    growth = beamline.experiment.growth.model_copy(update={"attachment_time_s": attachment})
    experiment = beamline.experiment.model_copy(update={"growth": growth})
    assert_close(onset_time(simulate_cell(experiment)), onset_time(beamline.history), rel=1e-3)


def test_maps_ascend_in_height_whatever_the_order_of_the_scan(beamline: Beamline, truth: RunResults) -> None:
    scan = beamline.experiment.scan.model_copy(update={"heights_um": beamline.experiment.scan.heights_um[::-1]})
    experiment = beamline.experiment.model_copy(update={"scan": scan})
    record = TruthRecord(replace(beamline, experiment=experiment, plan=schedule(experiment)))
    for index, exposure in enumerate(record.beamline.exposures()):
        record.add(index, exposure)
    downwards = record.results("downwards", {})
    assert_close(downwards.volume_fraction.coord("height"), truth.volume_fraction.coord("height"), rel=1e-12)
    assert np.all(np.diff(downwards.volume_fraction.coord("time")[0]) < 0.0)
    assert downwards.growth.values[-1] > 0.5 * truth.growth.values[-1]


def test_nothing_grows_without_a_solubility(beamline: Beamline) -> None:
    experiment = beamline.experiment.model_copy(update={"growth": GrowthSettings()})
    line = replace(beamline, experiment=experiment, history=simulate_cell(experiment))
    record = TruthRecord(line)
    for index, exposure in enumerate(line.exposures()):
        record.add(index, exposure)
    truth = record.results("never", {})
    assert not truth.crystalline_fraction.values.any()
    assert truth.numbers["onset_time"].value is None
    assert "no crystals" in truth.numbers["onset_time"].source
    assert np.abs(truth.flux.values[:, 0]).max() < 1e-14


@pytest.mark.parametrize(
    ("time", "voltage", "area"),
    [
        ([0.0, 1e-3], [0.0, 30.1], 30.1 * (1200.0 - 0.5e-3)),
        ([100.0, 100.5, 700.0, 900.0], [4.0, 20.0, 20.0, -3.0], 400.0 + 6.0 + 599.5 * 20.0 + 1700.0 - 900.0),
        ([-50.0, 2400.0], [0.0, 49.0], 0.02 * (50.0 + 600.0) * 1200.0),
    ],
)
def test_mean_supply_is_that_of_the_voltage_program(
    experiment: Experiment, time: list[float], voltage: list[float], area: float
) -> None:
    exposure, last = experiment.scan.exposure_s, np.interp(1200.5, time, voltage)
    program = VoltageProgram(time_s=time, voltage_V=voltage)
    one, other = (
        mean_supply(simulate_cell(experiment.model_copy(update={"voltage": v})))
        for v in (VoltageProgram(time_s=[0.0], voltage_V=[1.0]), program)
    )
    assert_close(other / one, (area + last * exposure) / (1200.0 + exposure), rel=1e-9)


@pytest.mark.parametrize("fwhm_um", [0.5, 5.0])
def test_a_narrow_beam_that_the_knife_edge_blocks_gives_maps_without_a_warning(
    beamline: Beamline, truth: RunResults, fwhm_um: float
) -> None:
    beam = beamline.experiment.beam.model_copy(update={"fwhm_um": fwhm_um})
    record = TruthRecord(replace(beamline, experiment=beamline.experiment.model_copy(update={"beam": beam})))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for index, exposure in enumerate(record.beamline.exposures()):
            record.add(index, exposure)
        narrow = record.results("narrow", {})
    np.testing.assert_array_less(truth.growth.values, narrow.growth.values)
    assert_close(narrow.volume_fraction.values[:, 5], truth.volume_fraction.values[:, 5], rel=1e-4)


def test_a_default_is_not_called_a_setting(beamline: Beamline, truth: RunResults) -> None:
    assert truth.numbers["anode_height"].source == "set in the experiment"
    growth = beamline.experiment.growth.model_copy(update={"lattice_constant_nm": None})
    cell = beamline.experiment.cell.model_copy(update={"anode_height_um": None})
    record = TruthRecord(
        replace(beamline, experiment=beamline.experiment.model_copy(update={"growth": growth, "cell": cell}))
    )
    for index, exposure in enumerate(record.beamline.exposures()):
        record.add(index, exposure)
    numbers = record.results("defaults", {}).numbers
    assert numbers["anode_height"].source.startswith("default")
    assert numbers["lattice_constant_solvated"].source.startswith("default")
