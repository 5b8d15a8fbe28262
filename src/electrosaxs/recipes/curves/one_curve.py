"""One curve I(q) from arrays, in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import InputFileError, bad_value
from ...io.curve import Curve, checked_curve, in_order
from .study import CurveResult, study


def analyse_curve(
    q_per_nm: npt.ArrayLike,
    intensity: npt.ArrayLike,
    sigma: npt.ArrayLike | None = None,
    *,
    name: str = "curve",
    contrast_per_A2: float | None = None,
) -> CurveResult:
    """What `curves` finds in a file, of arrays (n,): sizes, invariant, S(q) and lattice; nothing is written.

    q_per_nm: 1/nm, above 0; sorted where it falls. intensity: on any scale, in 1/cm where `contrast_per_A2` (difference of
    scattering length density, 1/A^2) is given. sigma: one standard deviation of each, None where not known. Raises
    InputFileError for arrays that are no curve, FitError where there are too few points or nothing scatters.

    >>> from electrosaxs import analyse_curve
    >>> diameter = analyse_curve(q, intensity, sigma).numbers["diameter"]
    """
    given = {"q_per_nm": q_per_nm, "intensity": intensity} | ({} if sigma is None else {"sigma": sigma})
    arrays = {key: np.array(values, dtype=np.float64) for key, values in given.items()}
    for key, values in arrays.items():
        if values.shape != (np.size(q_per_nm),):
            raise bad_value(
                InputFileError, where=name, field=key, value=f"shape {values.shape}",
                rule=f"must be one number for each of the {np.size(q_per_nm)} points of q", remedy="give arrays of one length",
            )  # fmt: skip
    curve = Curve(arrays["q_per_nm"], arrays["intensity"], arrays.get("sigma"), name)
    places = [f"point {number}" for number in range(1, curve.q.size + 1)]
    return study(Path(name), name, checked_curve(Path(name), *in_order(curve, places, overlap=2)), contrast_per_A2)
