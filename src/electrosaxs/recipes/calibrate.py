"""From the image of a powder standard to a .poni file, a picture and the numbers beside it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..calibration.calibrate import Calibration, calibrate
from ..errors import InputFileError, bad_value
from ..figures.calibration import calibration_figure
from ..figures.rendered import rendered_png
from ..io.atomic import replacing
from ..io.numbers_json import numbers_to_plain
from ..io.plain_json import to_json
from ..io.poni import write_poni
from ..nouns import DetectorGeometry, Number
from ..nouns.detector_geometry import LONGEST_DISTANCE_M, sigma_comments

log = logging.getLogger(__name__)


def calibrate_image(
    image_path: str | Path,
    *,
    calibrant: str = "AgBh",
    energy_keV: float,
    output: str | Path,
    detector: str | None = None,
    distance_guess_m: float | None = None,
    mask: str | Path | None = None,
) -> Calibration:
    """Calibrate and write `output` (.poni), `<output stem>.png` and `<output stem>.json` beside it.

    The detector is guessed from the shape of the image where it is not named. mask: an image in any format of fabio,
    not 0 = masked.
    Raises InputFileError and CalibrationError that name file, field, value, rule and remedy; then nothing is written.

    >>> from electrosaxs import calibrate_image
    >>> distance_m = calibrate_image("agbh.cbf", energy_keV=13.3, output="geometry.poni").distance_m
    """
    image_path, output = Path(image_path), Path(output)
    image = read_image(image_path)
    masked = None if mask is None else _mask(Path(mask), image.shape)
    if distance_guess_m is not None and not 0.0 < distance_guess_m <= LONGEST_DISTANCE_M:
        raise bad_value(
            InputFileError,
            where=image_path,
            field="distance_guess_m",
            value=distance_guess_m,
            rule=f"must be in m, above 0 and at most {LONGEST_DISTANCE_M:g}",
            remedy="give the distance from sample to detector in m, or leave it out",
        )
    calibration = calibrate(
        image,
        detector=detector or detector_by_shape(image.shape, source=str(image_path)),
        energy_keV=energy_keV,
        calibrant=calibrant,
        distance_guess_m=distance_guess_m,
        mask=masked,
        source=str(image_path),
    )
    for told in (f"{image_path}: image of {image.shape} pixels", calibration.verdict, *calibration.notes):
        log.info("%s", told)
    write_poni(poni_geometry(calibration, image_path.name, output))
    with replacing(output.with_suffix(".json")) as part:
        part.write_text(to_json(calibration_record(calibration, image_path.name), indent=2) + "\n", encoding="utf-8")
    shown = image if masked is None else np.where(masked, -1, image)
    figure = calibration_figure(
        image=shown,
        outlines={ring: calibration.ring_outline(ring) for ring in calibration.ring_tangents},
        beam_centre_px=calibration.beam_centre_px,
        point_ring=calibration.point_ring,
        point_y=calibration.point_y,
        point_x=calibration.point_x,
        point_azimuth_deg=np.rad2deg(calibration.point_azimuth),
        point_residual_px=calibration.point_residual_px,
        ring_sigma_px=calibration.quality.width_px,
    )
    with replacing(output.with_suffix(".png")) as part:
        part.write_bytes(rendered_png(figure))
    return calibration


def _mask(path: Path, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """True where the image `path` is not 0; InputFileError for another shape."""
    masked = np.asarray(read_image(path) != 0)
    if masked.shape != shape:
        raise bad_value(
            InputFileError,
            where=path,
            field="shape",
            value=masked.shape,
            rule=f"must be that of the image, {shape}",
            remedy="give the mask of this detector",
        )
    return masked


def read_image(path: Path) -> npt.NDArray[Any]:
    """Pixels (y, x) in any format that fabio knows by content (an EDF image named .cbf is read as EDF).

    Unlike a frame of a run, a calibrant's image may be an average, so any real numbers will do.
    """
    import fabio

    if not path.is_file():
        raise bad_value(
            InputFileError, where=path, field="file", value="absent", rule="must exist", remedy="check the path"
        )
    try:
        data = fabio.open(str(path)).data
    except Exception as error:
        raise bad_value(
            InputFileError,
            where=path,
            field="file",
            value=type(error).__name__,
            rule="must be an image that fabio reads",
            remedy="convert it to CBF, TIFF or EDF, or check that it is complete",
        ) from error
    if data is None or data.ndim != 2:
        raise bad_value(
            InputFileError,
            where=path,
            field="dimensions",
            value=None if data is None else data.shape,
            rule="must be one image (y, x)",
            remedy="save a single frame",
        )
    return np.asarray(data)


def detector_by_shape(shape: tuple[int, ...], *, source: str) -> str:
    """Name of the one detector in pyFAI's registry with images of this shape; Pilatus is preferred.

    Detectors of the same pixel size (sensor variants) count as one. Raises InputFileError that lists the candidates.
    """
    from pyFAI.detectors import ALL_DETECTORS, detector_factory

    classes = {d.__name__ for d in ALL_DETECTORS.values() if getattr(d, "MAX_SHAPE", None) == tuple(shape)}
    names = sorted(classes, key=lambda name: (not name.startswith("Pilatus"), "CdTe" in name, len(name), name))
    pixels = {(d.pixel1, d.pixel2) for d in map(detector_factory, names)}
    if names and (names[0].startswith("Pilatus") or len(pixels) == 1):
        return names[0]
    raise bad_value(
        InputFileError,
        where=source,
        field="image shape",
        value=tuple(shape),
        rule="must belong to one known detector" if not names else f"is shared by {', '.join(names)}",
        remedy="name the detector (for instance Pilatus2M, Eiger4M)",
    )


def poni_geometry(calibration: Calibration, image_name: str, output: Path) -> DetectorGeometry:
    """The geometry to write to `output`, with how it was made, how good it is and what the image could not fix as comments."""
    c = calibration
    (y, x), (y_sigma, x_sigma) = c.beam_centre_px, c.beam_centre_sigma_px
    return DetectorGeometry(
        source=output,
        distance_m=c.distance_m,
        poni1_m=c.poni1_m,
        poni2_m=c.poni2_m,
        rot1=c.rot1,
        rot2=c.rot2,
        rot3=0.0,
        wavelength_m=c.wavelength_m,
        detector={
            "poni_version": "2.1",
            "detector": c.detector,
            "detector_config": json.dumps(dict(c.detector_config)),
        },
        comments=(
            f"made by electrosaxs calibrate from {image_name} with {c.calibrant}",
            f"{c.verdict}; {c.quality.coverage_deg:.0f} of 360 degree of azimuth covered",
            f"distance +/- {c.sigmas['distance_m'] * 1e3:.4f} mm",
            f"beam centre y {y:.3f} +/- {y_sigma:.3f}, x {x:.3f} +/- {x_sigma:.3f} pixel from the corner of the image",
            *sigma_comments(_geometry_sigmas(c)),
            *c.notes,
        ),
    )


def _geometry_sigmas(calibration: Calibration) -> dict[str, float]:
    """By the names that `DetectorGeometry.sigmas` reads."""
    names = {"rot1": "rot1_rad", "rot2": "rot2_rad"}
    y, x = calibration.beam_centre_sigma_px
    own = {names.get(key, key): sigma for key, sigma in calibration.sigmas.items()}
    return {**own, "beam_centre_y_px": y, "beam_centre_x_px": x}


def calibration_numbers(calibration: Calibration, image_name: str) -> dict[str, Number]:
    """What the image gave, each with sigma, unit and source."""
    c, sigmas = calibration, calibration.sigmas
    rings = f"{len(c.quality.rings)} rings of {c.calibrant} in {image_name}"
    held = "fixed at 0: the image does not fix it"
    (y, x), (y_sigma, x_sigma) = c.beam_centre_px, c.beam_centre_sigma_px
    tilted = sigmas["rot1"] > 0.0
    return {
        "distance": Number(c.distance_m, sigmas["distance_m"], "m", rings),
        "poni1": Number(c.poni1_m, sigmas["poni1_m"], "m", rings),
        "poni2": Number(c.poni2_m, sigmas["poni2_m"], "m", rings),
        "rot1": Number(c.rot1, sigmas["rot1"] if tilted else None, "rad", rings if tilted else held),
        "rot2": Number(c.rot2, sigmas["rot2"] if tilted else None, "rad", rings if tilted else held),
        "beam_centre_y": Number(y, y_sigma, "pixel", f"{rings}; counted from the corner of the image"),
        "beam_centre_x": Number(x, x_sigma, "pixel", f"{rings}; counted from the corner of the image"),
        "wavelength": Number(c.wavelength_m, None, "m", "of the energy stated"),
        "distance_slope_with_energy": Number(
            c.energy.distance_slope, None, "one", "d ln(distance) / d ln(energy) along which the rings do not change"
        ),
    }


def calibration_record(calibration: Calibration, image_name: str) -> dict[str, Any]:
    """The numbers, and with them detector, calibrant, verdict, quality and notes, as they go into the JSON file."""
    return {
        **numbers_to_plain(calibration_numbers(calibration, image_name)),
        "detector": calibration.detector,
        "calibrant": calibration.calibrant,
        "verdict": calibration.verdict,
        "quality": calibration.quality,
        "notes": calibration.notes,
    }


def summary(calibration: Calibration, output: str | Path) -> str:
    """The outcome as text for the terminal."""
    c = calibration
    (y, x), (y_sigma, x_sigma) = c.beam_centre_px, c.beam_centre_sigma_px
    return "\n".join(
        (
            c.verdict,
            f"distance {c.distance_m * 1e3:.3f} +/- {c.sigmas['distance_m'] * 1e3:.3f} mm, "
            f"beam centre y {y:.2f} +/- {y_sigma:.2f}, x {x:.2f} +/- {x_sigma:.2f} pixel from the corner of the image",
            *c.notes,
            f"wrote {output}; the rings are drawn in {Path(output).with_suffix('.png')}",
        )
    )
