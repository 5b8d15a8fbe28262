"""What single frames and those without field tell while a run goes on."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from closeness import assert_close
from simulated_runs import Demonstration

from electrosaxs.io.frame_table import read_table
from electrosaxs.io.images import open_frames
from electrosaxs.io.run_toml import read_run
from electrosaxs.nouns import Role
from electrosaxs.recipes.experiment.frame_phi import FramePhi
from electrosaxs.recipes.experiment.kept_frames import Kept

COLUMNS = ("height", "time", "exposure", "monitor", "transmission")


def test_sizes_are_those_of_the_reference_frames_also_where_no_gaussian_fits_them(
    demonstration: Demonstration, tmp_path: Path
) -> None:
    """A poor fit knows them all the same; one that did not converge, or that stands at a bound, does not."""
    run = read_run(demonstration.folder / "run" / "run.toml")
    table = read_table(run)
    with closing(open_frames(run, table)) as reader:
        still = [
            Kept(reader.read(k), Role(str(table.role[k])), {name: float(getattr(table, name)[k]) for name in COLUMNS})
            for k in range(len(table))
            if str(table.role[k]) in (Role.SOLVENT, Role.REFERENCE)
        ]
        phi = FramePhi(run, still, tmp_path, saturation=reader.saturation)
    assert phi.sizes_nm is not None
    assert_close(phi.sizes_nm[0], 7.1, rel=0.01)
    fit = phi.standard.reference_fit
    for flags, known in (
        (("poor fit",), True),
        (("not converged",), False),
        (("diameter at bound", "poor fit"), False),
    ):
        phi.standard = replace(phi.standard, reference_fit=replace(fit, flags=(flags,)))
        assert (phi.sizes_nm is not None) == known
