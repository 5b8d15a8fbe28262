"""The one comparison of the tests: by ratio, because default absolute tolerances swallow 1e-10 m2/s."""

import numpy as np
import numpy.typing as npt


def assert_close(actual: npt.ArrayLike, expected: npt.ArrayLike, *, rel: float, floor: float = 0.0) -> None:
    """|actual - expected| <= rel * |expected| + floor everywhere; `floor` is absolute and must be chosen knowingly."""
    actual, expected = np.asarray(actual, dtype=float), np.asarray(expected, dtype=float)
    assert actual.shape == expected.shape or expected.shape == (), (actual.shape, expected.shape)
    error = np.abs(actual - expected)
    allowed = rel * np.abs(expected) + floor
    worst = np.unravel_index(np.argmax(np.where(np.isfinite(error), error - allowed, np.inf)), error.shape)
    assert np.all(error <= allowed), (
        f"at {worst}: {actual[worst]!r} against {np.broadcast_to(expected, actual.shape)[worst]!r}, "
        f"relative error {error[worst] / max(abs(np.broadcast_to(expected, actual.shape)[worst]), 1e-300):.3g} > {rel:g}"
    )
