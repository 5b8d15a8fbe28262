"""Settings for programs of the user's own: an experiment with some of them changed, and files given one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import InputFileError, bad_value
from ..io.run_toml import read_experiment as experiment_in
from ..io.toml_settings import settings_of
from ..nouns import Experiment


def read_experiment(path: str | Path, changes: Mapping[str, Any] | None = None) -> Experiment:
    """The experiment that `path` describes, with `changes` as if they stood in the file: dotted keys and values.

    For `predict`, `plan` and `simulate_run`. Raises InputFileError, with the line of the command, for a mistake in either.

    >>> from electrosaxs import read_experiment
    >>> stronger = read_experiment("experiment.toml", {"voltage.voltage_V": [30.0], "transport.effective_charge": 0.05})
    """
    experiment = experiment_in(path)
    if not changes:
        return experiment
    data = experiment.model_dump(mode="json", exclude_none=True)
    for key, value in changes.items():
        table = data
        *tables, last = key.split(".")
        for name in tables:
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                raise bad_value(
                    InputFileError, where=path, field=key, value=value, rule=f"{name} is no table",
                    remedy='give "table.key" as in the file',
                )  # fmt: skip
        table[last] = value
    return settings_of(Path(path), data, Experiment)


def as_paths(given: str | Path | Iterable[str | Path]) -> list[Path]:
    """Files or folders, also where it is only one."""
    return [Path(given)] if isinstance(given, (str, Path)) else [Path(one) for one in given]
