"""Pixels added up on a graphics card, by numba's simulator of one: the same counts as on the processor."""

import os
import subprocess
import sys
from pathlib import Path

ON_THE_SIMULATOR = """
import sys
from pathlib import Path
import numpy as np
from electrosaxs.io.poni import read_poni
from electrosaxs.reduction.azimuthal import Integrator
from electrosaxs.reduction.gpu import CardIntegrator
from electrosaxs.reduction.geometry import pixel_geometry

geometry = pixel_geometry(read_poni(Path(sys.argv[1])))
own = Integrator(geometry, mask=geometry.gaps(), q_min=0.3, q_max=0.9, bins=5, saturation=2000)
card = CardIntegrator(own)
random = np.random.default_rng(4)
frame = random.poisson(20.0, geometry.shape).astype(np.int32)
lost = random.choice(own.pixel, 40, replace=False)
frame.ravel()[lost[:25]], frame.ravel()[lost[25:]] = -2, 3000
for data in (frame, np.maximum(frame, 0).astype(np.uint16)):
    one, other = own.integrate(data), card.integrate(data)
    assert one.counts.sum() > 0 and one.saturated > 0
    assert np.array_equal(one.counts, other.counts)
    assert np.allclose(one.norm, other.norm, rtol=1e-13)
    assert (one.negative, one.saturated, one.stopped) == (other.negative, other.saturated, other.stopped)
"""


def test_a_card_counts_as_the_processor_does(small_poni: Path) -> None:
    """Negative and saturated pixels too; the simulator must be chosen before numba is imported."""
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", ON_THE_SIMULATOR, str(small_poni)], env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
