"""The errors of the starting solution as repeated references show them."""

import numpy as np
from analysis.synthetic_curves import DRY_SHELL_NM, gaussian_sizes, synthetic_sample
from closeness import assert_close

from electrosaxs.analysis.concentration.invariant import ParticleVolume, particle_volume
from electrosaxs.analysis.concentration.solvent_modes import NO_MODES
from electrosaxs.analysis.concentration.starting_solution import StartingErrors, starting_errors
from electrosaxs.analysis.concentration.voxel_errors import curve_errors
from electrosaxs.analysis.spheres.fit import SphereFit, fit_spheres
from electrosaxs.nouns import SampleIntensity

GAIN = 0.5


def read(sample: SampleIntensity) -> tuple[SphereFit, ParticleVolume]:
    fit = fit_spheres(sample)
    return fit, particle_volume(sample, fit, dry_shell_nm=DRY_SHELL_NM)


def errors_of_one(normalisation: float = 0.0) -> StartingErrors:
    one = synthetic_sample(gaussian_sizes(7.1, 1.1), [8e-4], gain=GAIN, seed=None)
    fit, volume = read(one)
    noise = np.array([normalisation])
    return starting_errors(
        fit, volume, curve_errors(one, volume, normalisation=noise, solvent_normalisation=0.0), NO_MODES
    )


def test_scale_and_sizes_err_together_as_repeated_references_do() -> None:
    """400 references under one solvent: sigma of phi's scale, of d and delta / d, and how they hang together."""
    found = errors_of_one()
    fit, volume = read(synthetic_sample(gaussian_sizes(7.1, 1.1), [8e-4] * 400, gain=GAIN, seed=11))
    scatter = np.cov([-np.log(volume.value), fit.diameter, fit.polydispersity])  # phi goes as 1 / Y
    assert_close(np.sqrt(scatter[0, 0]), found.relative_sigma, rel=0.12)
    sizes = found.covariance + np.outer(found.with_reference, found.with_reference)
    spread = np.sqrt(np.diag(sizes))
    assert_close(np.sqrt(np.diag(scatter)[1:]), spread, rel=0.12)
    found_together = np.array([*(found.with_reference / spread), sizes[0, 1] / np.prod(spread)])
    seen = np.corrcoef([volume.value, fit.diameter, fit.polydispersity])
    together = np.array([-seen[0, 1], -seen[0, 2], seen[1, 2]])
    assert np.abs(together - found_together).max() < 0.08  # 0.04 is one sigma of 400 references


def test_the_total_sigma_of_the_sizes_holds_reference_and_solvent() -> None:
    found = errors_of_one(normalisation=0.01)
    parts = np.diag(found.covariance) + found.with_reference**2 + sum(change**2 for change in found.shared.values())
    assert_close(found.size_sigma, np.sqrt(parts), rel=1e-12)
    assert found.relative_sigma > errors_of_one().relative_sigma
    assert np.all(found.shared["background"] > 0.0)
