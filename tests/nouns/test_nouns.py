"""A noun refuses to be built from the wrong unit, dimensions or coordinates, so functions need not ask."""

from pathlib import Path

import numpy as np
import pytest
import scipp as sc
from closeness import assert_close

from electrosaxs.errors import ElectrosaxsError, InputFileError, ShapeError, UnitError, bad_value
from electrosaxs.nouns import Diameter, LatticeConstant, Number, RadialCounts, SliceFlux, VolumeFraction
from electrosaxs.units import in_unit, quantity

COORDS = {
    "height": (("height",), [0.0, 50.0, 100.0]),
    "time": (("scan", "height"), [[0.0, 20.0, 40.0], [300.0, 320.0, 340.0]]),
}


def a_map(**more: object) -> VolumeFraction:
    values = np.array([[3e-3, 2e-3, 1e-3], [6e-3, 4e-3, 2e-3]])
    return VolumeFraction.from_arrays(values, dims=("scan", "height"), coords=COORDS, sigma=0.03 * values, **more)


def test_a_volume_fraction_in_metres_is_refused() -> None:
    data = a_map().data.copy()
    data.unit = "m"
    with pytest.raises(UnitError, match="must be one"):
        VolumeFraction(data)


def test_a_percentage_is_not_a_volume_fraction() -> None:
    data = a_map().data.copy()
    data.unit = "percent"
    with pytest.raises(UnitError):
        VolumeFraction(data)


def test_a_map_without_the_time_of_its_frames_is_refused() -> None:
    with pytest.raises(ShapeError, match="no coordinate 'time'"):
        VolumeFraction(a_map().data.drop_coords("time"))


def test_heights_in_millimetres_are_refused() -> None:
    data = a_map().data.copy()
    data.coords["height"] = sc.array(dims=["height"], values=[0.0, 0.05, 0.1], unit="mm")
    with pytest.raises(UnitError, match="'height' in mm"):
        VolumeFraction(data)


def test_transposed_maps_are_refused() -> None:
    with pytest.raises(ShapeError, match="dimensions"):
        VolumeFraction(a_map().data.transpose())


def test_a_contribution_has_the_shape_of_what_it_belongs_to() -> None:
    with pytest.raises(ShapeError, match="reference"):
        VolumeFraction(a_map().data, {"reference": sc.array(dims=["scan"], values=[1.0, 2.0], unit="one")})


def test_counting_and_shared_sigmas_add_in_quadrature_only_in_the_total() -> None:
    phi = a_map(shared={"reference": np.full((2, 3), 4e-5), "background": np.full((2, 3), 3e-5)})
    assert_close(phi.sigma, 0.03 * phi.values, rel=1e-12)
    assert_close(phi.total_sigma, np.hypot(phi.sigma, 5e-5), rel=1e-12)


def test_masked_and_unknown_values_are_not_good() -> None:
    phi = a_map(masks={"excluded": (("scan",), [False, True])})
    assert phi.good.tolist() == [[True] * 3, [False] * 3]


def test_the_xarray_of_a_noun_carries_units_and_every_part_of_sigma() -> None:
    array = a_map(shared={"reference": np.full((2, 3), 4e-5)}).to_xarray()
    assert (array.name, array.dims) == ("volume_fraction", ("scan", "height"))
    assert (array.attrs["units"], array.coords["time"].attrs["units"]) == ("1", "s")
    assert not array.coords["mask"].any()
    assert_close(array.coords["sigma_counting"].values, 0.03 * array.values, rel=1e-12)
    assert_close(array.coords["sigma_reference"].values, np.full((2, 3), 4e-5), rel=1e-12)
    assert_close(array.coords["sigma"].values, np.hypot(0.03 * array.values, 4e-5), rel=1e-12)


def test_a_masked_value_does_not_leave_as_a_number(tmp_path: Path) -> None:
    masks = {"excluded": (("scan",), [False, True]), "dark": (("scan", "height"), [[True, False, False], [False] * 3])}
    phi = a_map(masks=masks)
    array, table = phi.to_xarray(), phi.to_pandas()
    assert np.isnan(array.values).tolist() == array.coords["mask"].values.tolist() == [[True, False, False], [True] * 3]
    assert np.isnan(array.coords["sigma"].values).tolist() == array.coords["mask"].values.tolist()
    assert_close(float(array.mean()), 1.5e-3, rel=1e-12)
    assert table["volume_fraction"].isna().tolist() == table["mask"].tolist() == [True, False, False, True, True, True]
    phi.to_csv(tmp_path / "phi.csv")
    assert (tmp_path / "phi.csv").read_text().splitlines()[1:3] == [
        "0,0.0,0.0,,,,True",
        "0,50.0,20.0,0.002,6e-05,6e-05,False",
    ]


def test_the_table_of_a_noun_says_its_units(tmp_path: Path) -> None:
    table = a_map(shared={"reference": np.full((2, 3), 4e-5)}).to_pandas()
    sigmas = ["sigma", "sigma_counting", "sigma_reference"]
    assert list(table) == ["scan", "height", "time", "volume_fraction", *sigmas, "mask"]
    assert (table.attrs["height"], table.attrs["time"]) == ("um", "s")
    coords = {"time": (("scan",), [0.0, 300.0])}
    SliceFlux.from_arrays([3e-10, 2e-10], dims=("scan",), coords=coords, sigma=[1e-11] * 2).to_csv(
        tmp_path / "flux.csv"
    )
    header, first, _ = (tmp_path / "flux.csv").read_text().splitlines()
    assert header == "scan,time_s,flux_slice_m_per_s,sigma_m_per_s,sigma_counting_m_per_s,mask"
    assert first == "0,0.0,3e-10,1e-11,1e-11,False"


def test_a_single_value_is_a_table_of_one_row() -> None:
    table = LatticeConstant.from_arrays(15.1, dims=(), coords={}, sigma=0.02).to_pandas()
    assert table.iloc[0].to_dict() == {"lattice_constant": 15.1, "sigma": 0.02, "sigma_counting": 0.02, "mask": False}


def test_counts_are_counts() -> None:
    values = sc.array(dims=["frame", "q"], values=np.ones((1, 2)), unit="one")
    data = sc.DataArray(values, coords={"q": sc.array(dims=["q"], values=[0.1, 0.2], unit="1/nm")})
    with pytest.raises(UnitError, match="counts"):
        RadialCounts(data, values)


def test_a_diameter_may_stand_per_frame_or_on_the_map_but_not_per_q() -> None:
    coords = {"height": (("q",), [0.0, 1.0]), "time": (("q",), [0.0, 1.0])}
    with pytest.raises(ShapeError):
        Diameter.from_arrays([7.1, 7.2], dims=("q",), coords=coords)


def test_a_number_is_finite_or_absent_with_a_reason() -> None:
    assert Number.absent("s", "nothing grew").value is None
    with pytest.raises(ShapeError, match="absent"):
        Number(float("nan"), 1.0, "s", "a fit")
    with pytest.raises(ShapeError, match="source"):
        Number(1.0, 0.1, "s", "")


def test_units_cross_in_one_place_and_refuse_another_dimension() -> None:
    assert_close(in_unit(quantity(3.5, "mm"), "m"), 3.5e-3, rel=1e-12)
    with pytest.raises(UnitError, match="convertible to m"):
        in_unit(quantity(3.5, "s"), "m")


def test_an_error_names_file_field_value_rule_and_remedy_in_one_line() -> None:
    error = bad_value(InputFileError, where="run.toml", field="gap", value=-1, rule="above 0", remedy="give\nit")
    assert str(error) == "run.toml: gap = -1: above 0; give it"
    assert isinstance(error, ElectrosaxsError)
