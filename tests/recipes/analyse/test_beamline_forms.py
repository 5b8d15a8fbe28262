"""The same frames and rows give the same numbers in every form in which a beamline leaves them."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close
from simulated_runs import QUIET, analysed

from electrosaxs.io.frame_table import read_table
from electrosaxs.io.growing_nexus import GrowingNexus
from electrosaxs.io.images import open_frames
from electrosaxs.io.run_toml import read_run
from electrosaxs.nouns import RunResults

sys.path.insert(0, str(Path(__file__).parents[2] / "io" / "beamline"))
import layouts

FORMS = ("DECTRIS", "BLISS", "ALS 7.3.3")
"""Virtual and linked data sets, several scans, whole seconds; a table of its own, one in the file, a text beside each image."""


def written(folder: Path, source: Path, frames_toml: str) -> Path:
    """run.toml with the geometry and mask of `source`."""
    for file in ("geometry.poni", "mask.edf"):
        shutil.copy(source / file, folder)
    sections = {name: QUIET[name] for name in ("cell", "beam")} | {"solution": {"volume_fraction": 8e-4}}
    lines = [
        "".join(f"\n[{name}]\n") + "\n".join(f"{k} = {v}" for k, v in one.items()) for name, one in sections.items()
    ]
    detector = '\n[detector]\ngeometry = "geometry.poni"\nmask = "mask.edf"\n\n'
    (folder / "run.toml").write_text("\n".join(lines) + "\n" + detector + frames_toml)
    return folder / "run.toml"


@pytest.fixture
def expected(quiet_nexus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunResults:
    """Results of two references, two solvents and all samples of the quiet run in our form; the layouts then write these."""
    run = read_run(quiet_nexus)
    table = read_table(run)
    frames = open_frames(run, table)
    roles = np.array(table.role)
    chosen = [
        np.flatnonzero(roles == role)[:number] for role, number in (("reference", 2), ("solvent", 2), ("sample", 99))
    ]
    index = np.concatenate(chosen)
    time = np.where(np.isfinite(table.time[index]), table.time[index], -40.0 + 3.0 * np.arange(index.size)).round(0)
    images = np.array([frames.read(int(i)) for i in index])
    for name, value in {
        "SHAPE": tuple(frames.shape), "N": index.size, "ROLE": roles[index], "HEIGHT_UM": table.height[index], "TIME_S": time,
        "VOLTAGE_V": np.where(time > 0.0, 30.0, 0.0), "EXPOSURE_S": float(table.exposure[index[0]]),
        "MONITOR": table.monitor[index], "TRANSMISSION": table.transmission[index],
        "frames": lambda dtype="<i4": np.maximum(images, 0).astype(dtype),
    }.items():  # fmt: skip
        monkeypatch.setattr(layouts, name, value)
    folder = tmp_path / "ours"
    folder.mkdir()
    file = GrowingNexus(folder / "frames.nxs", layouts.SHAPE, title="ours", saturation=None)
    for k, image in enumerate(layouts.frames()):
        columns = ("height", "time", "exposure", "monitor", "transmission", "voltage")
        one = (layouts.HEIGHT_UM, time, table.exposure[index], layouts.MONITOR, layouts.TRANSMISSION, layouts.VOLTAGE_V)
        file.append(image, str(layouts.ROLE[k]), {n: float(v[k]) for n, v in zip(columns, one, strict=True)})
    file.close()
    return analysed(written(folder, quiet_nexus.parent, '[frames]\nnexus = "frames.nxs"\n'), tmp_path / "expected")


def test_every_form_gives_the_numbers_of_ours(expected: RunResults, quiet_nexus: Path, tmp_path: Path) -> None:
    assert expected.numbers["slice_flux"].value is not None
    for form in FORMS:
        folder = tmp_path / form
        folder.mkdir()
        run = written(folder, quiet_nexus.parent, layouts.LAYOUTS[form](folder))
        found = analysed(run, tmp_path / f"{form} results")
        assert [frame.used for frame in found.frames] == [True] * layouts.N, form
        assert_close(found.volume_fraction.values, expected.volume_fraction.values, rel=1e-4)
        assert found.numbers.keys() == expected.numbers.keys()
        for name, number in expected.numbers.items():
            other = found.numbers[name].value
            assert (other is None) == (number.value is None), (form, name)
            if other is not None and number.value is not None:
                assert abs(other - number.value) <= 0.02 * (number.sigma or abs(number.value)), (form, name)
