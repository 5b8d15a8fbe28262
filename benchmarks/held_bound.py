"""How well the flux of a foreign cell can be known after its onset, by a Kalman filter that knows all but uptake and shares.

Run: python benchmarks/held_bound.py [--cells NAME ...]. The cell of held_laws.py is held by its own truth; along that voltage
its phi is linear in what crystals take up at a given time. Uptake is a random walk, in time or in its logarithm, of WALK
set-points in a minute or an e-fold; the shares of flat crystals that phi and lines show are unknown but constant. Frames look
at the heights in turns without pause. Printed: sigma of the flux that there is, in % of the set-point, rms over the ten minutes
after the onset.
"""

from __future__ import annotations

import argparse

import numpy as np
from held_flux import FRAME_S, FWHM_UM, LINES_FROM, LINES_SIGMA, NOISE, SET_POINT
from held_laws import FOREIGN, GAP_M, STEP, Foreign, bernoulli
from scipy.linalg import solve_banded
from scipy.special import ndtr

PIECE_S, AFTER_S, WALK = 10.0, 600.0, 0.4
SHOWN, FLAT, SHARE_SIGMA, SCATTER, MODEL = 0.62, 0.8, 0.35, 0.1, 0.01
"""What lines and phi show of flat crystals, sigma of that, scatter between frames; of phi, what the model may be off by."""


class Course:
    """A foreign cell held by its own truth: voltage, phi at the heights and crystals at every STEP after the onset."""

    def __init__(self, name: str, heights_um: list[float]) -> None:
        cell, volt = Foreign(**FOREIGN[name]), 20.0
        self.cell, self.volts, self.crystals, self.phi = cell, list[float](), list[float](), list[list[float]]()
        while len(self.volts) < AFTER_S / STEP:
            flux = cell.flux(volt)
            if cell.time > 300.0:
                change = (SET_POINT - flux) / (cell.flux(1.01 * volt) - flux) * 0.01 * volt
                volt = float(np.clip(volt + np.clip(change, -0.25, 0.25), 0.0, 40.0))
            cell.step(volt)
            if cell.crystals > 0.0:
                self.volts.append(volt)
                self.crystals.append(cell.crystals)
                self.phi.append([cell.seen(h)[0] for h in heights_um])


def responses(course: Course, heights_um: list[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of 1 m/s taken up in one PIECE_S: phi (time, height, piece), flux and crystals (time, piece), and the density (height,)
    with which beams read a layer; one size stands for all."""
    cell, pieces = course.cell, round(AFTER_S / PIECE_S)
    mobility, diffusion = float(cell.share @ cell.mobility), float(cell.share @ cell.diffusion)
    wide = 1e-6 * FWHM_UM / 2.3548
    beams = np.array([np.diff(ndtr((cell.edges - 1e-6 * h) / wide)) for h in heights_um])
    density = (
        np.exp(-0.5 * (1e-6 * np.array(heights_um) / wide) ** 2) / (wide * np.sqrt(2.0 * np.pi)) / beams.sum(axis=1)
    )
    beams /= beams.sum(axis=1, keepdims=True)
    u, taken, spread = np.zeros((cell.widths.size, pieces)), np.zeros(pieces), diffusion / cell.apart
    phi, flux, crystals = [], [], []
    for n, volt in enumerate(course.volts):
        peclet = volt / GAP_M * mobility * cell.apart / diffusion
        above, below, per = spread * bernoulli(-peclet), spread * bernoulli(peclet), STEP / cell.widths
        bands, piece = np.ones((3, cell.widths.size)), int(n * STEP / PIECE_S)
        bands[1, :-1] += per[:-1] * below
        bands[1, 1:] += per[1:] * above
        bands[0, 1:], bands[2, :-1] = -per[:-1] * above, -per[1:] * below
        u[0, piece] -= per[0]
        taken[piece] += STEP
        u = solve_banded((1, 1), bands, u)
        through = above[:, None] * u[1:] - below[:, None] * u[:-1]
        phi.append(beams @ u)
        flux.append([np.interp(50e-6, cell.edges[1:-1], row) for row in through.T])
        crystals.append(taken.copy())
    return np.array(phi), np.array(flux), np.array(crystals), density


def left(
    course: Course, heights_um: list[float], *, log: bool, share: float = SHARE_SIGMA, noise: float = NOISE
) -> float:
    """rms over ten minutes of the sigma of the flux (% of the set-point). share: sigma of what lines show."""
    phi, flux, crystals, density = responses(course, heights_um)
    pieces = phi.shape[2]
    steps = np.sqrt(PIECE_S / np.maximum(PIECE_S * np.arange(pieces), 30.0)) if log else np.sqrt(PIECE_S / 60.0)
    walk = np.tril(np.ones((pieces, pieces))) * steps * WALK * SET_POINT
    covariance = np.zeros((pieces + 2, pieces + 2))
    covariance[:pieces, :pieces] = walk @ walk.T
    covariance[pieces, pieces], covariance[pieces + 1, pieces + 1] = share**2, SHARE_SIGMA**2
    found = []
    for number, when in enumerate(np.arange(FRAME_S, AFTER_S, FRAME_S)):
        n, k = int(when / STEP) - 1, number % len(heights_um)
        flat, solution, row = density[k] * course.crystals[n], course.phi[n][k], np.zeros(pieces + 2)
        row[:pieces] = phi[n, k]
        seen = heights_um[k] < FWHM_UM
        if seen:
            row[:pieces] += FLAT * density[k] * crystals[n]
            row[pieces + 1] = flat
        rows = [(row, np.hypot(np.hypot(noise, MODEL) * (solution + seen * FLAT * flat), seen * SCATTER * FLAT * flat))]
        of_lines = LINES_SIGMA * (solution + flat)
        if seen and SHOWN * flat > LINES_FROM * of_lines:
            lines = np.zeros(pieces + 2)
            lines[:pieces], lines[pieces] = SHOWN * density[k] * crystals[n], flat
            rows.append((lines, np.hypot(SCATTER * SHOWN * flat, of_lines)))
        for one, sigma in rows:
            gain = covariance @ one
            covariance = covariance - np.outer(gain, gain) / (one @ gain + sigma**2)
        found.append(flux[n] @ covariance[:pieces, :pieces] @ flux[n])
    return 100.0 * float(np.sqrt(np.mean(found))) / SET_POINT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", nargs="*", default=["foreign A"])
    asked = parser.parse_args()
    for name in asked.cells:
        for heights in ([0.0, 50.0], [50.0], [0.0, 35.0], [0.0, 100.0]):
            course = Course(name, heights)
            told = [f"{left(course, heights, log=log):.1f}" for log in (False, True)]
            print(f"{name} looks at {heights} um: {' and '.join(told)} %", flush=True)
            if heights == [0.0, 50.0]:
                for words, how in (
                    ("share of lines known", {"share": 0.0}),
                    ("four times the exposure", {"noise": NOISE / 2}),
                ):
                    told = [f"{left(course, heights, log=log, **how):.1f}" for log in (False, True)]
                    print(f"{name} {words}: {' and '.join(told)} %", flush=True)


if __name__ == "__main__":
    main()
