"""What the command `gisaxs` was given, checked: images, geometry, angles, energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import CalibrationError, ElectrosaxsError, InputFileError, bad_value
from ...grazing.geometry import DetectorPlane, detector_plane, film_coordinates
from ...io.film_image import FilmImage, read_film_image
from ...io.poni import read_poni
from ...materials import core_named, ligand_named
from ...nouns.contributions import ENERGY, GEOMETRY
from ...nouns.detector_geometry import LONGEST_DISTANCE_M, DetectorGeometry
from ...physics.film_frame import Incidence
from ...physics.refraction import Index
from ...reduction.geometry import Geometry, pixel_geometry
from ...reduction.masking import read_mask

LARGEST_ANGLE_DEG, RADIANS_BELOW_DEG = 5.0, 0.02
LARGEST_KEV = 200.0
LONGEST_SAMPLE_MM = 300.0
COARSE, LEAST_USED = 4, 0.05


@dataclass(frozen=True)
class FilmOptions:
    """Angles in degrees, energy in keV. incident_angle_deg: one for all images or one for each. critical_angle_deg: held at
    this value; None: refined. lit_length_mm: of the sample along the beam; None: not known. core and ligand: names from the
    tables; core_is_given: False where it is only the default. distance_sigma_m, energy_sigma_keV: one standard deviation;
    None: the one that `calibrate` left in the geometry's file, or not known."""

    incident_angle_deg: tuple[float, ...]
    energy_keV: float
    incident_angle_sigma_deg: float = 0.02
    hold_incident_angle: bool = False
    critical_angle_deg: float | None = None
    sample_rotation_deg: float = 0.0
    core: str = "Ag"
    ligand: str = "1-dodecanethiol"
    core_is_given: bool = True
    mask: Path | None = None
    lit_length_mm: float | None = None
    distance_sigma_m: float | None = None
    energy_sigma_keV: float | None = None


@dataclass(frozen=True, eq=False)
class FilmInputs:
    """Images with their pixels that are not used, the detector's plane, and the angle of each image (deg). scales: relative
    sigmas of distance ("geometry") and energy, where known. calibrated: whether the distance's is that of a calibration at this
    energy, whose rings fix the distance over the wavelength: an error of the energy then moves no length."""

    images: tuple[FilmImage, ...]
    unused: tuple[npt.NDArray[np.bool_], ...]
    geometry: Geometry
    plane: DetectorPlane
    angles_deg: tuple[float, ...]
    scales: Mapping[str, float]
    calibrated: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Of each image, its file's name, with as many of its folders as tell it from the others."""
        parts = [image.path.resolve().parts for image in self.images]
        for depth in range(1, max(map(len, parts)) + 1):
            names = tuple("/".join(part[-depth:]) for part in parts)
            if len(set(names)) == len(names):
                break
        return names

    def needless(self, name: str) -> bool:
        """Whether nothing is missing where a scale has no sigma."""
        return name == ENERGY and self.calibrated


def read_inputs(files: Sequence[str | Path], geometry: str | Path, options: FilmOptions) -> FilmInputs:
    """Everything read and checked. Raises InputFileError or CalibrationError in one line."""
    paths = [Path(file) for file in files]
    if not paths:
        raise _bad("images", "none", "at least one image is needed", "give the path of a GISAXS frame")
    angles = check_options(options, len(paths))
    read = read_poni(Path(geometry))
    where = pixel_geometry(read, energy_keV=options.energy_keV)
    plane = detector_plane(where, sample_rotation_deg=options.sample_rotation_deg)
    _check_plane(where, plane, angles)
    images = tuple(read_film_image(path) for path in paths)
    mask = where.gaps() if options.mask is None else where.gaps() | read_mask(options.mask, where.shape)
    for image in images:
        if image.values.shape != where.shape:
            turned = image.values.shape == where.shape[::-1]
            raise bad_value(
                CalibrationError, where=image.path, field="shape", value=image.values.shape,
                rule=f"{where.source.name} describes a {where.detector} with {where.shape} pixels (rows, columns)",
                remedy="turn the image as the detector read it: rows and columns are exchanged" if turned
                else "give the geometry of the detector that took the image",
            )  # fmt: skip
    _check_different(images)
    unused = tuple(image.unused | mask for image in images)
    for image, left_out, angle in zip(images, unused, angles, strict=True):
        _check_used(image, left_out, plane, angle, options.mask)
    scales, calibrated = _scales(read, options)
    return FilmInputs(images, unused, where, plane, angles, scales, calibrated)


def _check_different(images: Sequence[FilmImage]) -> None:
    """InputFileError for an image that stands twice: its errors would be taken for those of two."""
    for i, image in enumerate(images):
        for before in images[:i]:
            if np.array_equal(image.values, before.values) and image.values.any():
                raise bad_value(
                    InputFileError, where=image.path, field="images", value="stands twice",
                    rule=f"its pixels are those of {before.path}, and each image counts as a measurement of its own",
                    remedy="give each image once",
                )  # fmt: skip


def _scales(geometry: DetectorGeometry, options: FilmOptions) -> tuple[dict[str, float], bool]:
    """(relative sigmas of distance and energy where they are known, whether the distance's is that of a calibration)."""
    told = geometry.sigmas.get("distance_m")
    given = {
        GEOMETRY: (geometry.distance_m, told if options.distance_sigma_m is None else options.distance_sigma_m),
        ENERGY: (options.energy_keV, None if told is not None else options.energy_sigma_keV),
    }
    return {name: sigma / value for name, (value, sigma) in given.items() if sigma is not None}, told is not None


def _check_used(
    image: FilmImage, unused: npt.NDArray[np.bool_], plane: DetectorPlane, angle_deg: float, mask: Path | None
) -> None:
    """InputFileError where hardly a pixel above the horizon is used."""
    row, column = np.mgrid[: unused.shape[0] : COARSE, : unused.shape[1] : COARSE]
    exit_sine = film_coordinates(plane, Incidence(np.radians(angle_deg), Index(0.0, 0.0)), row, column)[1]
    above = exit_sine > 0.0
    share = float((~unused[::COARSE, ::COARSE])[above].mean()) if above.any() else 0.0
    if share < LEAST_USED:
        remedy = f"correct the mask {mask}: 1 is masked" if mask is not None else "give a frame that was measured there"
        raise bad_value(
            InputFileError, where=image.path, field="pixels", value=f"{share:.1%} above the horizon are used",
            rule=f"at least {LEAST_USED:.0%} must be: the others are masked, gaps or marks", remedy=remedy,
        )  # fmt: skip


def check_options(options: FilmOptions, images: int) -> tuple[float, ...]:
    """The angle of each image (deg). InputFileError for angles, energies and materials that cannot be meant."""
    angles = _angles(options, images)
    if not (np.isfinite(options.energy_keV) and 1.0 < options.energy_keV < LARGEST_KEV):
        remedy = f"{options.energy_keV:g} eV is {options.energy_keV / 1000.0:g} keV"
        raise _bad(
            "--energy-kev", f"{options.energy_keV:g}", f"must lie between 1 and {LARGEST_KEV:g} keV",
            remedy if options.energy_keV >= LARGEST_KEV else "give the photon energy in keV",
        )  # fmt: skip
    if not 0.0 < options.incident_angle_sigma_deg < LARGEST_ANGLE_DEG:
        raise _bad(
            "--incident-angle-sigma-deg", f"{options.incident_angle_sigma_deg:g}", "must be above 0 and in degrees",
            "leave it out for 0.02, or hold the angle with --hold-incident-angle",
        )  # fmt: skip
    for name, sigma, whole in (
        ("--distance-sigma-m", options.distance_sigma_m, LONGEST_DISTANCE_M),
        ("--energy-sigma-kev", options.energy_sigma_keV, options.energy_keV),
    ):
        if sigma is not None and not 0.0 <= sigma < 0.1 * whole:
            raise _bad(
                name, f"{sigma:g}", f"must be at least 0 and below {0.1 * whole:g}",
                "give one standard deviation in the unit of its name, or leave it out",
            )  # fmt: skip
    if options.lit_length_mm is not None and not 0.0 <= options.lit_length_mm <= LONGEST_SAMPLE_MM:
        raise _bad(
            "--lit-length-mm", f"{options.lit_length_mm:g}", f"must lie between 0 and {LONGEST_SAMPLE_MM:g} mm",
            "give the length of the sample that the beam lights in mm, or leave it out",
        )  # fmt: skip
    if not abs(options.sample_rotation_deg) <= 360.0:
        raise _bad(
            "--sample-rotation-deg", f"{options.sample_rotation_deg:g}", "must lie between -360 and 360 degrees",
            "leave it out where the film's normal points to smaller rows",
        )  # fmt: skip
    critical = options.critical_angle_deg
    if critical is not None and not 0.0 < critical < LARGEST_ANGLE_DEG:
        raise _bad(
            "--critical-angle-deg",
            f"{critical:g}",
            "must lie above 0 and below 5 degrees",
            "leave it out to have it refined",
        )
    try:
        core_named(options.core), ligand_named(options.ligand)
    except ElectrosaxsError as error:
        raise InputFileError(f"command line: {str(error).replace('solution.', '--')}") from None
    return angles


def _angles(options: FilmOptions, images: int) -> tuple[float, ...]:
    """The stated angle of each image (deg)."""
    angles = options.incident_angle_deg * (images if len(options.incident_angle_deg) == 1 else 1)
    if len(angles) != images:
        raise _bad(
            "--incident-angle-deg", f"{len(angles)} angles", f"must be given once, or once for each of the {images} images",
            "repeat the option in the order of the images",
        )  # fmt: skip
    for angle in angles:
        if not (np.isfinite(angle) and 0.0 < angle <= LARGEST_ANGLE_DEG):
            raise _bad(
                "--incident-angle-deg", f"{angle:g}", f"must lie above 0 and at most at {LARGEST_ANGLE_DEG:g} degrees",
                "give the angle between the beam and the film's surface in degrees",
            )  # fmt: skip
        if angle < RADIANS_BELOW_DEG:
            raise _bad(
                "--incident-angle-deg", f"{angle:g}", "must be in degrees, and this looks like radians",
                f"{angle:g} rad is {np.degrees(angle):.3g} degrees",
            )  # fmt: skip
    return angles


def _check_plane(geometry: Geometry, plane: DetectorPlane, angles: Sequence[float]) -> None:
    """CalibrationError where the direct beam or the horizon does not fall on the detector."""
    rows, columns = plane.shape
    steep = np.radians(max(angles))
    rays = np.array([[1.0, 0.0, 0.0], [np.cos(steep), np.sin(steep), 0.0]])
    row, column = plane.pixel(rays)
    names = "the direct beam", "the horizon above the direct beam"
    for r, c, name in zip(row, column, names, strict=True):
        if not (-0.5 <= r <= rows - 0.5 and -0.5 <= c <= columns - 0.5):
            raise bad_value(
                CalibrationError, where=geometry.source, field=name, value=f"row {r:.1f}, column {c:.1f}",
                rule=f"must lie on the detector of {rows} x {columns} pixels",
                remedy="give the geometry of this detector position, calibrated with the direct beam (Poni1, Poni2 in m)",
            )  # fmt: skip


def _bad(field: str, value: object, rule: str, remedy: str) -> ElectrosaxsError:
    return bad_value(InputFileError, where="command line", field=field, value=value, rule=rule, remedy=remedy)
