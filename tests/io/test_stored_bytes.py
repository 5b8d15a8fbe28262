"""What is reserved on the disk for results is enough for the file that they become."""

from pathlib import Path

import numpy as np
import scipp as sc

from electrosaxs.io.hdf5 import new_file
from electrosaxs.io.stored_bytes import OF_ONE, held_bytes
from electrosaxs.nouns import Number


def test_arrays_and_their_variances_texts_and_what_holds_them_are_counted() -> None:
    values = np.zeros((30, 40))
    data = sc.array(dims=["x", "y"], values=values, variances=values)
    assert held_bytes(values) == values.nbytes + OF_ONE
    assert held_bytes(data) == 2 * (values.nbytes + OF_ONE)
    array = sc.DataArray(
        data, coords={"x": sc.arange("x", 30.0)}, masks={"none": sc.zeros(dims=["x"], shape=[30], dtype=bool)}
    )
    assert held_bytes(array) == held_bytes(data) + 8 * 30 + 30 + 2 * OF_ONE
    number = Number(1.0, 0.1, "nm", "some source")
    assert held_bytes({"a": [number, number]}) > 2 * held_bytes(number) > 2 * 4 * len("some source")


def test_a_new_file_is_as_long_as_what_it_holds_and_not_as_what_was_reserved(tmp_path: Path) -> None:
    path = tmp_path / "some.nxs"
    with new_file(path, 50_000_000) as file:
        file["x"] = np.arange(1000.0)
        assert path.stat().st_size > 50_000_000
    assert path.stat().st_size < 20_000
