"""The twin's GISAXS frame of a film: a folder as a beamline would leave it, with the truth beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import numpy as np

from ..errors import InputFileError, bad_value
from ..io.atomic import replacing
from ..io.cbf import write_cbf
from ..io.film_toml import describes_film, read_film_experiment, write_film_experiment
from ..io.plain_json import to_json
from ..io.poni import write_poni
from ..io.written_by import written_by
from ..nouns import DetectorGeometry
from ..nouns.film_experiment import FilmExperiment
from ..report.provenance import write_provenance
from ..twin.film import LARGEST_COUNT, FilmFrame, draw_film
from .experiment_file import named
from .output_folder import output_folder

IMAGE, GEOMETRY, TRUTH, SETTINGS = "film.cbf", "geometry.poni", "truth.json", "film.toml"


@dataclass(frozen=True)
class SimulatedFilm:
    """Where the frame and its geometry are, and how to analyse them."""

    image: Path
    geometry: Path
    settings: FilmExperiment

    @property
    def command(self) -> str:
        """The command line that analyses the frame."""
        beam, core = self.settings.beam, quote(self.settings.film.core)
        image, geometry = quote(str(self.image)), quote(str(self.geometry))
        return (
            f"electrosaxs gisaxs {image} --geometry {geometry} --incident-angle-deg {beam.incident_angle_deg:g} "
            f"--energy-kev {beam.energy_keV:g} --core {core} --out RESULTS"
        )


def simulated_film(file: Path, out: str | Path) -> SimulatedFilm | None:
    """The simulation that `file` describes, or None where it has no table [film] and describes a run."""
    return simulate_film(file, out) if describes_film(file) else None


def simulate_film(
    experiment: str | Path | FilmExperiment, out: str | Path, *, known: Mapping[str, float] | None = None
) -> SimulatedFilm:
    """Draw the frame of a film and write film.cbf, geometry.poni, truth.json and film.toml into `out`. known: what else the
    truth says.

    Raises InputFileError for a bad description and where `out` holds anything but an earlier simulation.

    >>> from electrosaxs import simulate_film
    >>> print(simulate_film("film.toml", "film").command)
    """
    settings = experiment if isinstance(experiment, FilmExperiment) else read_film_experiment(experiment)
    source = "experiment" if isinstance(experiment, FilmExperiment) else str(experiment)
    folder = Path(out).resolve()
    if folder.is_dir() and any(folder.iterdir()) and written_by(folder) != "simulate":
        raise bad_value(
            InputFileError, where=folder, field="--out", value=f"holds {sorted(p.name for p in folder.iterdir())[0]}",
            rule="must be a new or empty folder, or one with an earlier simulation, which is replaced",
            remedy="choose another folder for --out, or empty this one",
        )  # fmt: skip
    with named(source):
        frame = draw_film(settings)
    folder = output_folder(folder)
    write_provenance(folder, "simulate", settings.model_dump(mode="json"), seed=settings.output.seed)
    write_cbf(
        folder / IMAGE, frame.counts, {"Detector:": settings.detector.name, "Count_cutoff": f"{LARGEST_COUNT} counts"}
    )
    write_poni(_geometry(folder / GEOMETRY, frame))
    with replacing(folder / TRUTH) as part:
        part.write_text(to_json({**_truth(settings, frame), **(known or {})}, indent=2) + "\n", encoding="utf-8")
    write_film_experiment(folder / SETTINGS, settings)
    return SimulatedFilm(folder / IMAGE, folder / GEOMETRY, settings)


def _geometry(path: Path, frame: FilmFrame) -> DetectorGeometry:
    engine = frame.pixels.engine
    config = {key.lower(): str(value) for key, value in engine.get_config().items() if key.startswith("detector")}
    config["detector_config"] = to_json(engine.detector.get_config())
    distance, poni1, poni2, rot1, rot2, rot3 = (float(x) for x in engine.param)
    return DetectorGeometry(
        path, distance, poni1, poni2, rot1, rot2, rot3, float(engine.wavelength), {"poni_version": "2.1", **config},
        ("direct beam; simulated",),
    )  # fmt: skip


def _truth(settings: FilmExperiment, frame: FilmFrame) -> dict[str, object]:
    """What was simulated, with the critical angle that the composition gave."""
    film = settings.film
    return {
        "lattice": film.lattice if film.texture in ("in-plane powder", "random") else "none",
        "normal": list(film.normal),
        "texture": film.texture,
        "lattice_constant_dried": film.lattice_constant_nm,
        "contraction_along_normal": film.contraction_along_normal,
        "incidence_angle": settings.beam.incident_angle_deg,
        "critical_angle": float(np.degrees(frame.incidence.film.critical_angle)),
        "mosaic_width": film.mosaic_deg,
        "domain_size": film.domain_nm,
        "displacement_rms": film.displacement_nm,
    }
