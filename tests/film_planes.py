"""A Pilatus 300K before a film, tilted as wanted."""

from pathlib import Path

from electrosaxs.grazing.geometry import DetectorPlane, detector_plane
from electrosaxs.nouns import DetectorGeometry
from electrosaxs.reduction.geometry import pixel_geometry

PIXEL = 172e-6


def plane(rot1: float = 0.0, rot2: float = 0.0, rot3: float = 0.0, turned: float = 0.0) -> DetectorPlane:
    where = DetectorGeometry(
        Path("film.poni"), 0.9, 0.05, 0.04, rot1, rot2, rot3, None,
        {"detector": "Pilatus300k", "detector_config": '{"orientation": 3}', "poni_version": "2.1"},
    )  # fmt: skip
    return detector_plane(pixel_geometry(where, energy_keV=10.0), sample_rotation_deg=turned)
