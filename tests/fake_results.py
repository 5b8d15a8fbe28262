"""A finished run made of closed forms, complete and with a truth, to draw and write before any frame was analysed."""

from dataclasses import replace

import numpy as np
from scipy.special import erfc

from electrosaxs.analysis.kinetics.flux import continuity_flux
from electrosaxs.analysis.kinetics.growth import growth_curve, growth_line, slice_flux_curve
from electrosaxs.analysis.kinetics.mass_balance import mass_balance
from electrosaxs.analysis.kinetics.onset import onset, onset_from_kink
from electrosaxs.analysis.kinetics.supply import supply_flux
from electrosaxs.nouns import (
    CurveSet,
    Diameter,
    DiameterDeviation,
    FrameRecord,
    LatticeAssignment,
    LatticeConstant,
    Number,
    Peak,
    Polydispersity,
    RunResults,
    SampleIntensity,
    SizeDistribution,
    StructureFactor,
    VolumeFraction,
)

START, GAP_UM, ONSET_S = 8e-4, 3500.0, 2050.0
HEIGHTS = np.array([0, 50, 100, 150, 200, 250, 300, 400, 600, 1000, 1400, 1800, 2600, 3400], dtype=float)
SCANS = 13
FCC = {(1, 1, 1): 3, (2, 0, 0): 4, (2, 2, 0): 8, (3, 1, 1): 11, (2, 2, 2): 12}
LATTICE_NM = 15.1


def _time():
    return 15.0 + 265.0 * np.arange(SCANS)[:, None] + 18.0 * np.arange(HEIGHTS.size)


def _phi(time):
    """A layer of 100 um that fills at the supply, a front that leaves the cathode, crystals after the onset."""
    speed, decay = 0.72, 100.0
    width = 40.0 + np.sqrt(2.0 * 95.0 * time)
    front = 0.5 * erfc((HEIGHTS - (GAP_UM - speed * time)) / np.sqrt(2.0) / width)
    filled = np.minimum(time, ONSET_S) + 0.35 * np.maximum(time - ONSET_S, 0.0)
    return START * (front + speed * filled / decay * np.exp(-np.maximum(HEIGHTS, 11.5) / decay))


def _map(noun, values, time, sigma, missing=None, shared=None):
    values = np.array(values)
    if missing is not None:
        values[missing] = np.nan
    return noun.from_arrays(
        values,
        dims=("scan", "height"),
        coords={"height": (("height",), HEIGHTS), "time": (("scan", "height"), time)},
        sigma=sigma,
        shared=shared,
    )


def _sizes(time):
    gain = np.minimum(time / 3300.0, 1.0)
    diameter = 7.1 + gain * (0.45 * np.exp(-HEIGHTS / 300.0) - 0.9 * (HEIGHTS / 3500.0))
    deviation = 1.1 + gain * (-0.18 * np.exp(-HEIGHTS / 300.0) + 0.35 * (HEIGHTS / 3500.0))
    return diameter, deviation


def sphere_intensity(q, diameter, deviation, scale):
    sizes = np.linspace(-3.5, 3.5, 61) * deviation + diameter
    weight = np.exp(-0.5 * ((sizes - diameter) / deviation) ** 2)
    x = np.outer(q, sizes) / 2.0
    amplitude = sizes**3 * 3.0 * (np.sin(x) - x * np.cos(x)) / x**3
    intensity = (amplitude**2 @ weight) / (weight @ sizes**6)
    return scale * intensity


def _curves(time, rng):
    chosen = [0, 4, 7, 11]
    q = np.linspace(0.1, 3.0, 400)
    diameter, deviation = (part[-1, chosen] for part in _sizes(time))
    phi = _phi(time)[-1, chosen]
    model = np.stack([sphere_intensity(q, d, s, 1e6 * p) for d, s, p in zip(diameter, deviation, phi, strict=True)])
    sigma = 0.15 * np.sqrt(model + 0.02)
    intensity = SampleIntensity.from_arrays(
        model + sigma * rng.standard_normal(model.shape),
        dims=("frame", "q"),
        coords={"q": (("q",), q)},
        sigma=sigma,
    )
    edges = np.concatenate(([1.5 * q[0] - 0.5 * q[1]], 0.5 * (q[1:] + q[:-1]), [1.5 * q[-1] - 0.5 * q[-2]]))
    window = intensity.values @ (q**2 * np.diff(edges))
    return CurveSet(
        intensity, model, HEIGHTS[chosen], time[-1, chosen], diameter, deviation, counted=intensity.values,
        window=window, invariant=1.05 * window, with_peaks=np.zeros(len(chosen)),
    )  # fmt: skip


def _structure(time, rng):
    q = np.linspace(0.1, 3.0, 400)
    crystalline = np.clip((time[:, 0] - ONSET_S) / 1500.0, 0.0, 0.6)[:, None]
    model = np.ones((SCANS, q.size))
    for squares in FCC.values():
        centre = 2.0 * np.pi / LATTICE_NM * np.sqrt(squares)
        model = model + crystalline * (4.0 / squares**0.5) * np.exp(-0.5 * ((q - centre) / 0.018) ** 2)
    sigma = np.broadcast_to(0.03 + 0.6 * (q / 3.0) ** 4, model.shape)
    values = StructureFactor.from_arrays(
        model + sigma * rng.standard_normal(model.shape),
        dims=("scan", "q"),
        coords={"q": (("q",), q)},
        sigma=sigma,
    )
    peaks = tuple(
        Peak(2.0 * np.pi / LATTICE_NM * np.sqrt(n), 0.001, 0.04, 0.05, 0.002, 20.0, hkl) for hkl, n in FCC.items()
    )
    constant = Number(LATTICE_NM, 0.013, "nm", "5 peaks of the last scan, FCC")
    share = Number(0.55, 0.02, "one", "area of the peaks over that of a perfect lattice")
    return (
        values,
        model,
        LatticeAssignment("FCC", constant, share, peaks, {"FCC": 1.1, "BCC": 140.0}, "FCC explains all"),
    )


def _from_map(phi, kink_sigma=None):
    onset_s = Number(ONSET_S, 70.0, "s", "first scan with peaks")
    growth = growth_curve(phi)
    line = growth_line(growth, onset_s=ONSET_S)
    cell = mass_balance(phi, gap_um=GAP_UM, start=START, beam_fwhm_um=34.0, onset_s=ONSET_S)
    flux = continuity_flux(phi, gap_um=GAP_UM, start=START, beam_fwhm_um=34.0, anode_closed_until_s=ONSET_S)
    numbers = onset(growth, structure=onset_s, kink=onset_from_kink(growth))
    numbers["slice_flux"] = line.slice_flux(50.0)
    numbers["supply_flux"] = supply_flux(phi, gap_um=GAP_UM, start=START, anode_closed_until_s=ONSET_S)
    numbers["mass_balance_error"] = cell.error
    return growth, line.line, cell.balance, flux.flux, slice_flux_curve(growth), numbers


def fake_truth():
    time = _time()
    phi = _map(VolumeFraction, _phi(time), time, np.full(time.shape, 1e-9))
    diameter, deviation = _sizes(time)
    growth, _, balance, flux, rate, numbers = _from_map(phi)
    numbers["lattice_constant_solvated"] = Number(LATTICE_NM, 0.0, "nm", "experiment")
    return RunResults(
        title="truth",
        volume_fraction=phi,
        diameter=_map(Diameter, diameter, time, None),
        deviation=_map(DiameterDeviation, deviation, time, None),
        polydispersity=_map(Polydispersity, deviation / diameter, time, None),
        mass_balance=balance,
        growth=growth,
        flux_slice=rate,
        flux=flux,
        numbers=numbers,
    )


def _distribution(time, phi, diameter, deviation):
    """d phi / dd of the last scan, normal at every height, below 1.5 nm not observable."""
    sizes = np.linspace(1.0, 12.0, 89)
    density = np.exp(-0.5 * ((sizes - diameter[-1][:, None]) / deviation[-1][:, None]) ** 2)
    density *= (phi[-1] / np.trapezoid(density, sizes, axis=-1))[:, None]
    return SizeDistribution.from_arrays(
        density[None],
        dims=("scan", "height", "diameter"),
        coords={
            "diameter": (("diameter",), sizes),
            "height": (("height",), HEIGHTS),
            "time": (("scan", "height"), time[-1:]),
        },
        sigma=0.05 * density[None] + 1e-7,
        masks={"not_observable": (("diameter",), sizes < 1.5)},
    )


def fake_results(seed=1):
    rng = np.random.default_rng(seed)
    time = _time()
    missing = np.zeros(time.shape, dtype=bool)
    missing[5, 3] = missing[9, 10] = True
    true = _phi(time)
    sigma = 0.006 * np.sqrt(true * START) + 1.2e-6
    noisy = true + sigma * rng.standard_normal(true.shape)
    shared = {"reference": 0.004 * true, "background": np.full(true.shape, 3e-6)}
    phi = _map(VolumeFraction, noisy, time, sigma, missing, shared)
    growth, line, balance, flux, rate, numbers = _from_map(phi)
    diameter, deviation = _sizes(time)
    spread = 0.01 * np.sqrt(START / np.maximum(true, 2e-5))
    measured_d = diameter + spread * rng.standard_normal(true.shape)
    measured_s = deviation + 1.3 * spread * rng.standard_normal(true.shape)
    structure, model, assignment = _structure(time, rng)
    numbers |= {
        "lattice_constant_solvated": assignment.a,
        "anode_diameter": Number(7.46, 0.012, "nm", "sphere fit of the voxel at the anode, last scan before the onset"),
        "anode_polydispersity": Number(0.1234, 0.0016, "one", "sphere fit, as anode_diameter"),
        "starting_diameter": Number(7.1, 0.006, "nm", "sphere fit of the starting solution"),
        "starting_polydispersity": Number(0.155, 0.001, "one", "sphere fit of the starting solution"),
        "anode_height": Number(0.4, 0.3, "um", "knife edge, 41 alignment frames"),
        "lattice_constant_dried": Number.absent("nm", "no grazing-incidence image was given"),
    }
    frames = tuple(
        FrameRecord(k, f"frame_{k:04d}.cbf", "sample", s, h, HEIGHTS[h], time[s, h], not missing[s, h], *reason)
        for k, (s, h) in enumerate(np.ndindex(*time.shape))
        for reason in [((), "") if not missing[s, h] else (("zero_monitor",), "monitor counts are 0")]
    )
    chi = rng.chisquare(380, true.shape) / 380.0
    chi[8:, 0] *= 2.4
    return RunResults(
        title="57 V/cm, closed forms",
        volume_fraction=phi,
        diameter=_map(Diameter, measured_d, time, spread, missing),
        deviation=_map(DiameterDeviation, measured_s, time, 1.3 * spread, missing),
        polydispersity=_map(Polydispersity, measured_s / measured_d, time, 1.3 * spread / diameter, missing),
        size_distribution=_distribution(time, true, diameter, deviation),
        mass_balance=balance,
        growth=growth,
        growth_line=line,
        flux_slice=rate,
        flux=flux,
        structure_factor=structure,
        structure_factor_model=model,
        lattice_constant=LatticeConstant.from_arrays(
            np.full(SCANS, LATTICE_NM), dims=("scan",), coords={}, sigma=np.full(SCANS, 0.02)
        ),
        assignment=assignment,
        quality={
            "reduced_chi_squared": np.where(missing, np.nan, chi),
            "photons": np.where(missing, np.nan, 4e6 * true / START),
            "flagged": (chi > 1.5).astype(float),
            "volume_fraction_scattered": true * np.where(missing, 1.3, 1.0),
            "volume_fraction_absorbed": true * (1.0 + 0.002 * np.sin(np.arange(true.size)).reshape(true.shape)),
            "volume_fraction_absorbed_sigma": np.full(true.shape, 2e-6),
        },
        curves=_curves(time, rng),
        numbers=numbers,
        frames=frames,
        notes=("Gravity: the layer at the anode is denser; with the anode at the bottom it is stable.",),
        settings={
            "cell": {"gap_mm": 3.5, "gap_mm_sigma": 0.02, "path_length_mm": 10.0, "temperature_K": 298.15},
            "beam": {"energy_keV": 13.3, "fwhm_um": 34.0},
            "detector": {"geometry": "geometry.poni", "name": "Pilatus2M", "distance_m": 1.99388},
            "voltage": {"time_s": [0.0, 3300.0], "voltage_V": [19.95, 19.95]},
            "solution": {"volume_fraction": START, "core": "Ag", "ligand": "1-dodecanethiol", "solvent": "toluene"},
            "analysis": {"q_min_per_nm": 0.1, "q_max_per_nm": 3.0, "bins": 400, "slice_um": 50.0},
            "seed": seed,
        },
    )


def bare_results():
    """A map and nothing else: what a run without reference, spheres or crystals leaves."""
    full = fake_results()
    return RunResults(title="bare", volume_fraction=full.volume_fraction)


def without(results, *names):
    return replace(results, **dict.fromkeys(names))
