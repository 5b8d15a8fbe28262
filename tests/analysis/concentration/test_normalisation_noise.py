"""What solvent and reference frames tell of the noise of monitor and transmission."""

import numpy as np
from closeness import assert_close

from electrosaxs.analysis.concentration.normalisation_noise import NormalisationNoise, normalisation_noise
from electrosaxs.nouns import Intensity

BINS = 50


def frames(
    count: int, monitor: float, *, beyond: float, seed: int, counted: bool = True
) -> tuple[Intensity, np.ndarray]:
    """Equal frames of 1e6 photons, whose monitor counts `monitor` photons (or is a scaled number) and scatters `beyond`."""
    random = np.random.default_rng(seed)
    incident = 1.0 + 0.1 * random.standard_normal(count)
    seen = random.poisson(monitor * incident).astype(float) if counted else monitor * incident
    photons = random.poisson(2e4 * incident[:, None] * np.ones(BINS)).astype(float)
    scale = monitor / (seen * (1.0 + beyond * random.standard_normal(count)))
    coords = {"q": (("q",), np.linspace(0.1, 1.0, BINS)), "per_count": (("frame", "q"), scale[:, None] * np.ones(BINS))}
    one = Intensity.from_arrays(
        photons * scale[:, None], dims=("frame", "q"), coords=coords, sigma=np.ones_like(photons)
    )
    return one, seen


def test_the_counts_of_the_monitor_are_in_the_noise_even_where_few_frames_scatter_little() -> None:
    """Poisson noise of 3e4 counts is 0.58 %: ten degrees of freedom alone would miss it by half now and then."""
    found = []
    for seed in range(40):
        groups = [frames(6, 3e4, beyond=0.0, seed=2 * seed + k) for k in (0, 1)]
        noise = normalisation_noise([g for g, _ in groups], [m for _, m in groups])
        assert noise.counts
        found.append(float(noise.sigma(np.array([3e4]))[0]))
        assert noise.number.value is not None
        assert_close(noise.number.value, found[-1], rel=0.05)  # that of the mean monitor
    assert min(found) >= 3e4**-0.5
    assert_close(np.median(found), 3e4**-0.5, rel=0.1)


def test_scatter_beyond_the_monitors_counts_is_found_with_its_sigma() -> None:
    values = []
    for seed in range(60):
        groups = [frames(8, 1e6, beyond=0.01, seed=1000 + 2 * seed + k) for k in (0, 1)]
        number = normalisation_noise([g for g, _ in groups], [m for _, m in groups]).number
        values.append((number.value, number.sigma))
    value, sigma = np.array(values, dtype=float).T
    assert_close(np.sqrt(np.mean(value**2)), np.hypot(0.01, 1e-3), rel=0.05)
    assert 0.7 < np.std(value) / np.mean(sigma) < 1.4


def test_a_scaled_monitor_is_not_taken_for_counts() -> None:
    """An ion chamber that reports 400 units but is good to 0.1 %: its Poisson noise would be 5 %."""
    one, seen = frames(8, 400.0, beyond=0.001, seed=3, counted=False)
    whole = normalisation_noise([one], [np.rint(seen)])
    fractions = normalisation_noise([one], [seen])
    assert not whole.counts
    assert not fractions.counts
    assert whole.sigma(np.array([400.0]))[0] < 0.005


def test_too_few_frames_leave_the_number_out_and_the_counts_in() -> None:
    one, seen = frames(1, 1e4, beyond=0.0, seed=4)
    noise = normalisation_noise([one, one], [seen, seen])
    assert noise.number.value is None
    assert "more solvent or reference frames" in noise.number.source
    assert_close(noise.sigma(np.array([1e4])), [0.01], rel=1e-12)


def test_the_mean_of_frames_is_better_than_one() -> None:
    groups = [frames(6, 3e4, beyond=0.0, seed=k) for k in (8, 9)]
    noise = normalisation_noise([g for g, _ in groups], [m for _, m in groups])
    assert_close(noise.of_mean(np.full(9, 3e4)), noise.sigma(np.array([3e4]))[0] / 3.0, rel=1e-12)


Q = np.linspace(0.1, 3.0, 80)


def beam_of(
    shape: np.ndarray, count: int, *, beyond: float, light: np.ndarray, seed: int
) -> tuple[Intensity, np.ndarray]:
    """Frames that count `shape` (q,), each with its own normalisation and more or less of `light` (q,)."""
    random = np.random.default_rng(seed)
    seen = np.rint(1e7 * (1.0 + 0.05 * random.standard_normal(count)))
    off = beyond * random.standard_normal(count)
    expected = shape + random.standard_normal(count)[:, None] * light
    photons = random.poisson(expected * (seen * (1.0 + off))[:, None] / 1e7).astype(float)
    one = np.repeat(1e7 / seen[:, None], Q.size, axis=1)
    coords = {"q": (("q",), Q), "per_count": (("frame", "q"), one)}
    return Intensity.from_arrays(photons * one, dims=("frame", "q"), coords=coords, sigma=np.ones_like(photons)), seen


SOLVENT, PARTICLES = 3e4 * (0.2 + np.exp(-Q)), 4e5 * np.exp(-np.square(Q / 0.4))


def noise_with(light: np.ndarray, seed: int, beyond: float = 1e-3, count: int = 6) -> NormalisationNoise:
    groups = [
        beam_of(shape, count, beyond=beyond, light=light, seed=2 * seed + k)
        for k, shape in enumerate((SOLVENT, SOLVENT + PARTICLES))
    ]
    return normalisation_noise([g for g, _ in groups], [m for _, m in groups])


def test_light_from_beside_is_not_taken_for_noise_of_the_monitor() -> None:
    """Flat light of 3 % of the solvent moves the solvent's totals by 3 %, and the monitor is good to 0.1 %."""
    flat = 0.03 * SOLVENT.mean()
    found = [noise_with(np.full(Q.size, flat), seed) for seed in range(30)]
    assert_close(np.sqrt(np.mean([one.beyond**2 for one in found])), 1e-3, rel=0.3)
    assert_close(np.sqrt(np.mean([one.flat**2 for one in found])), flat, rel=0.15)
    assert max(one.stray for one in found) < 0.01
    assert all(one.makes(flat) and not one.makes(20.0 * flat) and not one.makes(0.0) for one in found)


def test_light_of_the_solvents_own_form_is_told_and_moves_its_mean() -> None:
    found = [noise_with(0.03 * SOLVENT, seed) for seed in range(30)]
    assert_close(np.sqrt(np.mean([one.stray**2 for one in found])), 0.03, rel=0.25)
    assert_close(np.sqrt(np.mean([one.beyond**2 for one in found])), 1e-3, rel=0.5)
    monitor = np.full(9, 1e7)
    assert_close(found[0].of_mean_solvent(monitor), found[0].stray / 3.0, rel=0.05)


def test_frames_that_only_the_monitor_moves_show_no_light() -> None:
    """None of sixty pairs of groups, at half a per cent and at no noise of the monitor."""
    for beyond in (0.0, 5e-3):
        for seed in range(30):
            noise = noise_with(np.zeros(Q.size), seed, beyond)
            assert noise.stray == noise.flat == noise.freedom == 0
            assert not noise.makes(1e3)
