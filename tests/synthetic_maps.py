"""Volume-fraction maps with closed-form answers: a layer that grows at the anode, each frame at its own time."""

import numpy as np

from electrosaxs.analysis.footprint.open_beam import crystal_length
from electrosaxs.nouns import VolumeFraction
from electrosaxs.physics.beam import open_beam_centre

START = 8e-4
GAP_UM = 3500.0
DECAY_UM = 100.0
HEIGHTS_UM = np.array([0, 50, 100, 150, 200, 250, 300, 400, 600, 1000, 1400, 1800, 2600, 3400], dtype=float)
RATE = 2.4e-6  # growth of the amplitude, 1/s


def frame_times(scans: int = 12, heights: int = HEIGHTS_UM.size, period: float = 275.0) -> np.ndarray:
    """(scan, height): every frame has its own time."""
    return 20.0 + period * np.arange(scans)[:, None] + 0.95 * period * np.arange(heights) / heights


def volume_fraction_map(phi, time, *, heights=HEIGHTS_UM, sigma=None, shared=None, missing=None) -> VolumeFraction:
    values = np.array(phi, dtype=float)
    masks = None
    if missing is not None:
        values[missing] = np.nan
        masks = {"missing": (("scan", "height"), missing)}
    return VolumeFraction.from_arrays(
        values,
        dims=("scan", "height"),
        coords={"height": (("height",), heights), "time": (("scan", "height"), time)},
        sigma=np.zeros_like(values) if sigma is None else sigma,
        shared=shared,
        masks=masks,
    )


def growing_layer(time, heights=HEIGHTS_UM, *, rate: float = RATE, curvature: float = 0.0, sealed: bool = False):
    """phi0 + A(t) exp(-z / ell), A = rate t + curvature t^2; sealed: less its mean over the gap."""
    amplitude = rate * time + curvature * time**2
    taken = DECAY_UM / GAP_UM * (1.0 - np.exp(-GAP_UM / DECAY_UM)) if sealed else 0.0
    return START + amplitude * (np.exp(-heights / DECAY_UM) - taken)


def moving_front(time, heights=HEIGHTS_UM, *, speed_um_s: float = 0.7, width_um: float = 450.0):
    """A depletion front that leaves a far cathode: phi0 / 2 erfc((z - z_front) / width / sqrt 2), flux phi0 speed."""
    from scipy.special import erfc

    position = 3400.0 - speed_um_s * time
    return 0.5 * START * erfc((heights - position) / (np.sqrt(2.0) * width_um))


def beside_crystals(time, heights, *, fwhm_um: float, supply_um_s: float):
    """A standing layer and a front that leaves the cathode: all that arrives crystallises at the anode, and beams that reach
    down to its surface see the crystals, (scan, height) as `crystal_length` has it."""
    layer = 4.0 * START * np.exp(-open_beam_centre(heights, fwhm_um) / 70.0)
    lengths = np.array([crystal_length(height, fwhm_um)[0] for height in np.minimum(heights, 5.0 * fwhm_um)])
    return moving_front(time, heights, speed_um_s=supply_um_s / START) + layer + supply_um_s * time / lengths
