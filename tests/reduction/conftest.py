"""A small detector for the tests of the reduction: Pilatus 100k, 2 m from the sample, beam near one corner."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from electrosaxs.io.poni import read_poni
from electrosaxs.reduction.geometry import Geometry, pixel_geometry

PONI = """poni_version: 2.1
Detector: Pilatus100k
Detector_config: {"orientation": 3}
Distance: 2.0
Poni1: 0.0021
Poni2: 0.0035
Rot1: 0.002
Rot2: -0.001
Rot3: 0.0
Wavelength: 9.322e-11
"""


@pytest.fixture(scope="session")
def small_poni(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("geometry") / "small.poni"
    path.write_text(PONI)
    return path


@pytest.fixture(scope="session")
def small_geometry(small_poni: Path) -> Geometry:
    return pixel_geometry(read_poni(small_poni))


@pytest.fixture(scope="session")
def scattering(small_geometry: Geometry) -> Callable[..., npt.NDArray[np.int32]]:
    """Poisson frames of a curve that falls with q: `scattering(mean, seed)` counts per pixel near q = 0.5 1/nm."""
    q = small_geometry.q()
    shape = np.exp(-((q - 0.5) * 1.5)) * small_geometry.weight(0.99)

    def frame(mean: float, seed: int) -> npt.NDArray[np.int32]:
        return np.random.default_rng(seed).poisson(mean * shape).astype(np.int32)

    return frame
