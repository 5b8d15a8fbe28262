"""The line through an island of a height map, as Fig. 1b of the paper shows it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..nouns.heights import HeightLine, Relief

AVERAGED_PX = 3  # lines
BEYOND = 1.5  # of half the island's length, on both sides


def line_through(relief: Relief) -> HeightLine | None:
    """Along the longest extent of the largest island that is one whole triangle, of the largest where none is; None without
    islands."""
    if not relief.islands:
        return None
    island = next((one for one in relief.islands if not one.why_no_edges), relief.islands[0])
    rows, columns = np.nonzero(island.inside > 0.5)
    offsets = np.stack([columns - island.x, rows - island.y])
    values, vectors = np.linalg.eigh(offsets @ offsets.T)
    along = vectors[:, int(np.argmax(values))]
    reach = BEYOND * float(np.abs(along @ offsets).max())
    t = np.linspace(-reach, reach, int(4 * reach) + 1)
    across = np.array([-along[1], along[0]])
    lines = [
        ndimage.map_coordinates(
            relief.heights_um, [island.y + along[1] * t + s * across[1], island.x + along[0] * t + s * across[0]],
            order=1, cval=np.nan,
        ) for s in np.arange(AVERAGED_PX) - AVERAGED_PX // 2
    ]  # fmt: skip
    mean = np.mean(lines, axis=0)
    kept = np.isfinite(mean)
    ends = np.array([[island.x, island.y]]) + t[kept][[0, -1], None] * along
    return HeightLine((t[kept] - t[kept][0]) * relief.map.um_per_pixel, mean[kept], ends, island)
