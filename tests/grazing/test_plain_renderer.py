"""A frame drawn by a plain script that shares no code with the package, analysed: spots lie where its vectors put them.

FCC (111) domains of many azimuths: every reciprocal vector is turned until the wave inside the film keeps its length, the
wave is refracted out and meets a tilted detector, where it leaves a round spot of Poisson counts.
"""

from pathlib import Path

import numpy as np
from closeness import assert_close
from scipy.optimize import brentq

from electrosaxs.io.cbf import write_cbf
from electrosaxs.recipes.film.inputs import FilmOptions, read_inputs
from electrosaxs.recipes.film.study import study_film

A, STRAIN, ANGLE, DELTA = 13.2, 0.03, np.radians(0.31), 7.0e-6
WAVELENGTH, DISTANCE, PIXEL, SHAPE = 0.12398, 0.7, 172e-6, (619, 487)
TILTS = 0.03, -0.02  # rot1, rot2 of pyFAI


def rays():
    """(forward, right, up) unit vectors outside the film, seen from its surface, of all reflections on both sides; |G|."""
    k = 2.0 * np.pi / WAVELENGTH
    inside = k * (1.0 - DELTA)
    incoming = np.array([k * np.cos(ANGLE), 0.0, -np.sqrt(inside**2 - (k * np.cos(ANGLE)) ** 2)])
    normal, made = np.ones(3) / np.sqrt(3.0), []
    for h, m, n in np.ndindex(17, 17, 17):
        g = 2.0 * np.pi / A * (np.array([h, m, n]) - 8.0)
        up = g @ normal
        across = np.sqrt(max(g @ g - up**2, 0.0))
        up /= 1.0 - STRAIN
        if len({(h % 2), (m % 2), (n % 2)}) > 1 or across < 0.1 or up < 0.0 or np.hypot(across, up) > 3.2:
            continue

        def off(turn, across=across, up=up):
            wave = incoming + np.array([across * np.cos(turn), across * np.sin(turn), up])
            return wave @ wave - inside**2

        if off(0.0) * off(np.pi) > 0.0:
            continue
        turn = brentq(off, 0.0, np.pi, xtol=1e-13)
        for side in (1.0, -1.0):
            wave = incoming + np.array([across * np.cos(turn), side * across * np.sin(turn), up])
            square = k**2 - wave[0] ** 2 - wave[1] ** 2
            if wave[2] > 0.0 and square > 0.0:
                made.append((*np.array([wave[0], wave[1], np.sqrt(square)]) / k, np.hypot(across, up)))
    return np.unique(np.round(made, 9), axis=0)


def test_a_frame_of_another_renderer_gives_its_lattice_back(tmp_path: Path):
    c, s = [np.cos(t) for t in TILTS], [np.sin(t) for t in TILTS]
    poni = 0.095, 0.04
    row, column = np.indices(SHAPE)
    # pyFAI: about the vertical axis first (rot1), then about the horizontal one (rot2)
    first, second, along = (row + 0.5) * PIXEL - poni[0], (column + 0.5) * PIXEL - poni[1], DISTANCE
    second, along = c[0] * second + s[0] * along, -s[0] * second + c[0] * along
    first, along = c[1] * first - s[1] * along, s[1] * first + c[1] * along
    length = np.sqrt(first**2 + second**2 + along**2)
    beam, right, up = along / length, second / length, -first / length
    seen = np.stack([
        np.cos(ANGLE) * beam + np.sin(ANGLE) * up, right, np.cos(ANGLE) * up - np.sin(ANGLE) * beam
    ])  # fmt: skip
    counts = 2.0 + 30.0 * np.exp(-np.hypot(first, second) / 0.01)
    for forward, side, height, q in rays():
        apart = np.square(seen - np.array([forward, side, height])[:, None, None]).sum(axis=0)
        counts += 900.0 * np.exp(-((0.5 * q) ** 2)) * np.exp(-0.5 * apart / (1.8 * PIXEL / DISTANCE) ** 2)
    image = np.random.default_rng(7).poisson(np.where(seen[2] > 0.0, counts, 1.0)).astype(np.int32)
    write_cbf(tmp_path / "film.cbf", image, {})
    (tmp_path / "film.poni").write_text(
        "poni_version: 2.1\nDetector: Detector\n"
        f'Detector_config: {{"pixel1": {PIXEL}, "pixel2": {PIXEL}, "max_shape": [{SHAPE[0]}, {SHAPE[1]}], "orientation": 3}}\n'
        f"Distance: {DISTANCE}\nPoni1: {poni[0]}\nPoni2: {poni[1]}\nRot1: {TILTS[0]}\nRot2: {TILTS[1]}\nRot3: 0.0\n"
        f"Wavelength: {WAVELENGTH * 1e-9}\n"
    )
    options = FilmOptions((0.327,), 10.0003, core="Ag")
    found = study_film(read_inputs([tmp_path / "film.cbf"], tmp_path / "film.poni", options), options)
    assert found.assignment.orientation is not None
    assert (found.assignment.orientation.lattice, found.assignment.orientation.normal) == ("FCC", (1, 1, 1))
    assert_close(found.constants.a, A, rel=5e-4)
    assert_close(found.constants.contraction, STRAIN, rel=0.0, floor=2e-3)
    assert_close(np.degrees(found.constants.incidence[0]), 0.31, rel=0.0, floor=0.01)
