"""What single frames and those without field tell while a run goes on."""

import math
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


def opened(demonstration: Demonstration, beam: dict[str, float], scratch: Path) -> tuple[FramePhi, Kept]:
    """Of single frames of the demonstration, its [beam] changed by `beam`; and a sample frame."""
    run = read_run(demonstration.folder / "run" / "run.toml")
    run = run.model_copy(update={"beam": run.beam.model_copy(update=beam)})
    table = read_table(run)
    with closing(open_frames(run, table)) as reader:

        def kept(k: int) -> Kept:
            row = {name: float(getattr(table, name)[k]) for name in COLUMNS}
            return Kept(reader.read(k), Role(str(table.role[k])), row)

        still = [kept(k) for k in range(len(table)) if str(table.role[k]) in (Role.SOLVENT, Role.REFERENCE)]
        samples = table.is_role(Role.SAMPLE).nonzero()[0]
        sample = kept(int(samples[table.transmission[samples].argsort()[samples.size // 2]]))
        return FramePhi(run, still, scratch, saturation=reader.saturation), sample


def test_the_noise_of_the_diode_is_in_the_sigma_of_a_frame_that_is_held_by(
    demonstration: Demonstration, tmp_path: Path
) -> None:
    """s over the transmission, of phi: what `analyse` has in it. The loop weighs its frames by it."""
    plain, sample = opened(demonstration, {}, tmp_path / "plain")
    read = plain.measure(sample.image, sample.row)
    assert read.sigma > 0.0
    stated = read.sigma / read.phi * sample.row["transmission"]
    noisy, _ = opened(demonstration, {"transmission_sigma": stated}, tmp_path / "noisy")
    again = noisy.measure(sample.image, sample.row)
    assert_close(again.phi, read.phi, rel=1e-9)
    assert_close(again.sigma, math.sqrt(2.0) * read.sigma, rel=0.02)


def test_sizes_are_those_of_the_reference_frames_also_where_no_gaussian_fits_them(
    demonstration: Demonstration, tmp_path: Path
) -> None:
    """A poor fit knows them all the same; one that did not converge, or that stands at a bound, does not."""
    phi, _ = opened(demonstration, {}, tmp_path)
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
