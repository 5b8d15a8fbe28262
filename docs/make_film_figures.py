"""Make docs/images/film_shadow.png and docs/images/double_scattering.png: python docs/make_film_figures.py"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt

from electrosaxs.analysis.concentration.multiple_scattering import Repeated, StartingCurve
from electrosaxs.nouns import Solution
from electrosaxs.nouns.imperfections import Imperfections
from electrosaxs.physics.absorption import attenuation_per_volume_fraction
from electrosaxs.physics.multiple_scattering import MultipleScattering
from electrosaxs.twin.electrode import Electrode, film_of, footprint_above

IMAGES = Path(__file__).parent / "images"
SOLUTION, ENERGY, PATH_MM = Solution(volume_fraction=8e-4), 13.3, 10.0
VOLUME, LATTICE, PER_UM2 = np.array([425.0]), 15.1, 1e-4
AMOUNTS = np.linspace(0.01, 1.2, 60)


def film(axes: np.ndarray) -> None:
    """What a film takes of the light at the anode, and what of it shows in the scattering, against its amount."""
    per_phi = float(
        attenuation_per_volume_fraction(SOLUTION, core_share=0.44, energy_keV=ENERGY, path_length_mm=PATH_MM)
    )
    for name, wrong, colour in (
        ("even anode", {}, "C0"), ("tilt 1 mrad", {"anode_tilt_mrad": 1.0}, "C1"),
        ("tilt 5 mrad", {"anode_tilt_mrad": 5.0}, "C2"), ("2 µm wavy", {"anode_roughness_um": 2.0}, "C3"),
    ):  # fmt: skip
        surface = Electrode.of(Imperfections(islands=True, **wrong), PATH_MM, 1)
        assert surface is not None
        taken, shown = [], []
        for amount in AMOUNTS:
            grown = film_of(np.array([amount]), VOLUME, LATTICE, PER_UM2)
            assert grown is not None
            beam, share = footprint_above(surface, 0.0, grown, fwhm_um=34.0, gap_um=3500.0)
            depth = per_phi * share * grown.inside.sum()
            light = beam.share * np.exp(-depth)
            taken.append(100.0 * (1.0 - light.sum() / beam.open))
            shown.append(100.0 * float(light @ depth / light.sum()) / per_phi * 18.1 / amount)
        axes[0].plot(AMOUNTS, taken, color=colour, label=name)
        axes[1].plot(AMOUNTS, shown, color=colour)
    axes[0].set_ylabel("light that the film takes at the anode (%)")
    axes[1].set_ylabel("share of the crystals that scatters (%)")
    axes[1].set(yscale="log", ylim=(0.02, 20.0), yticks=[0.1, 1.0, 10.0], yticklabels=["0.1", "1", "10"])
    for one, letter in zip(axes, "ab", strict=True):
        one.set_xlabel("particle volume in crystals per area (µm)")
        one.set_title(letter, loc="left", fontweight="bold")
    axes[0].legend(frameon=False)


def double(axes: np.ndarray) -> None:
    """Curves scattered once and more often, and what phi would be off by."""
    q = np.linspace(0.0, 6.0, 1201)
    start = StartingCurve.of(SOLUTION, 8e-4, (7.1, 1.1), energy_keV=ENERGY, path_m=1e-3 * PATH_MM, dry_shell=1.115)
    optics = MultipleScattering.of(q, ENERGY, coarse=q)
    for phi, colour in ((8e-4, "C0"), (0.01, "C1"), (0.04, "C2")):
        once = start.once(np.array([phi]), q)[0]
        again = optics.more_than_once(optics.fourier(once))
        axes[0].loglog(q[1:], once[1:], color=colour, label=f"φ = {100.0 * phi:g} %")
        axes[0].loglog(q[1:], again[1:], color=colour, ls="--")
    axes[0].set(xlim=(0.1, 3.5), ylim=(1e-4, 1e4), xlabel="q (nm⁻¹)", ylabel="photons per sr and unscattered photon")
    axes[0].set_xticks([0.1, 0.3, 1.0, 3.0], ["0.1", "0.3", "1", "3"])
    axes[0].minorticks_off()
    axes[0].legend(frameon=False, title="once (dashed: again)", loc="lower left")
    phi = np.geomspace(8e-4, 0.04, 60)
    window = np.linspace(0.1, 3.5, 500)
    excess = Repeated.of(window, ENERGY, 1.0, 0.0).excess_of(start, phi)
    axes[1].plot(100.0 * phi, 100.0 * ((1.0 + excess) / (1.0 + excess[0]) - 1.0), color="C0")
    axes[1].set(xlabel="φ (%)", ylabel="φ too large by (%)", ylim=(0.0, None), xlim=(0.0, None))
    for one, letter in zip(axes, "ab", strict=True):
        one.set_title(letter, loc="left", fontweight="bold")


def main() -> None:
    for name, draw in (("film_shadow", film), ("double_scattering", double)):
        figure, axes = plt.subplots(1, 2, figsize=(9.0, 3.6), layout="constrained")
        draw(axes)
        figure.savefig(IMAGES / f"{name}.png", dpi=110)


if __name__ == "__main__":
    main()
