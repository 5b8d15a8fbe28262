"""Every key can be explained, no complaint is pydantic's own, and a file of another kind is known as such."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from electrosaxs.errors import InputFileError
from electrosaxs.io.run_toml import read_experiment, read_run
from electrosaxs.io.setting_words import OF_A_MATERIAL, meaning
from electrosaxs.nouns import Experiment, Run
from electrosaxs.nouns.material import Core, Ligand, Solvent

EXPERIMENT = (Path(__file__).parents[2] / "examples" / "experiment.toml").read_text(encoding="utf-8")
RUN = (Path(__file__).parents[2] / "examples" / "run.toml").read_text(encoding="utf-8")


def keys(model: type[BaseModel]) -> Iterator[str]:
    """section.key of a settings model."""
    for section, field in model.model_fields.items():
        yield section
        tables = [c for c in (field.annotation, *get_args(field.annotation)) if isinstance(c, type)]
        for table in (c for c in tables if issubclass(c, BaseModel)):
            yield from (f"{section}.{key}" for key in table.model_fields if key != "materials")


@pytest.mark.parametrize("key", sorted({*keys(Run), *keys(Experiment)}))
def test_every_key_can_be_explained(key: str) -> None:
    assert meaning(key), key


def test_every_key_of_a_material_can_be_explained() -> None:
    for kind in (Core, Ligand, Solvent):
        assert set(kind.model_fields) <= set(OF_A_MATERIAL)


WRONG = ("nan", "-inf", "-1", "1e30", '"text"', "[1, 2]", "[]", "true", "{ a = 1 }", "1979-05-27")
NUMBERS = [
    line.partition("=")[0].strip() for line in EXPERIMENT.splitlines() if "=" in line and "#" not in line.split("=")[0]
]


@pytest.mark.parametrize(
    "key", [key for key in NUMBERS if key not in ("title", "name", "form", "core", "ligand", "solvent")]
)
def test_no_complaint_is_a_program_s_own(tmp_path: Path, key: str) -> None:
    lines = EXPERIMENT.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(f"{key} ="))
    for wrong in WRONG:
        file = tmp_path / "e.toml"
        file.write_text("\n".join([*lines[:at], f"{key} = {wrong}", *lines[at + 1 :]]), encoding="utf-8")
        try:
            read_experiment(file)
        except InputFileError as error:
            said = str(error)
            assert key in said.partition(";")[0], said
            for word in ("Input should", "valid", "pydantic", "NaN", "NoneType", "cannot be taken", "file = "):
                assert word not in said, said
        else:
            assert (key, wrong) in {("effective_charge", "-1"), ("charge_exponent", "-1"), ("alignment", "true")}, (
                key,
                wrong,
            )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (RUN, r"this is a run, not an experiment; give experiment\.toml; .*electrosaxs analyse f\.toml"),
        ('runs = ["a/run.toml"]', r"tables = runs: this is a campaign, not an experiment; give one experiment"),
        (
            "[voltage]\ntime_s = [0.0]\nvoltage_V = [1.0]",
            r"this is the voltage table of a plan, .*give experiment\.toml",
        ),
        ('[materials.core.X]\nformula = "Ag"', r"this is a table of materials, .*copy it into experiment\.toml"),
        ('{"value": 1}', r"file = f\.toml: is JSON, not TOML"),
        ("Detector: Pilatus\nDistance: 1.0\nPoni1: 0", r"is a geometry file of pyFAI, not TOML"),
        ("[cell]\ntitle = 3", r"cell\.title = 3: is not a known key; it belongs into \[run\]"),
    ],
)
def test_a_file_of_another_kind_is_called_by_its_name(tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "f.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputFileError, match=line):
        read_experiment(tmp_path / "f.toml")


def test_an_experiment_is_no_run_and_a_folder_names_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(EXPERIMENT, encoding="utf-8")
    with pytest.raises(
        InputFileError, match=r"this is an experiment, not a run; .*electrosaxs simulate run\.toml --out RUN"
    ):
        read_run(tmp_path / "run.toml")
    with pytest.raises(InputFileError, match=r"is a folder; give .*run\.toml"):
        read_run(tmp_path)


def test_frames_or_a_table_in_place_of_a_toml_file_are_not_read_into_memory(tmp_path: Path) -> None:
    """A sparse file of 50 GB that begins as HDF5 does, and a long text."""
    with (tmp_path / "frames.nxs").open("wb") as file:
        file.write(b"\x89HDF\r\n\x1a\n")
        file.truncate(50_000_000_000)
    with pytest.raises(InputFileError, match=r"is an HDF5 or NeXus file.*give the run\.toml that names it.*inspect"):
        read_run(tmp_path / "frames.nxs")
    (tmp_path / "table.txt").write_bytes(b"1 2 3\n" * 3_000_000)
    with pytest.raises(InputFileError, match="is larger than 16 MB, not TOML"):
        read_run(tmp_path / "table.txt")
