"""Islands counted on simulated micrographs, beside stock parts of scikit-image: connected components, and watershed.

    python benchmarks/islands.py [FIELDS]

1024 x 1024 pixels, 90 islands on each, a third of them merged, 14 % covered. The renderer and the search share the shape's
geometry and nothing else. Prints one row per method: relative error of the count, and what the search adds: error of the
edge, seconds an image.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_otsu
from skimage.measure import label, regionprops
from skimage.segmentation import watershed

from electrosaxs.micrographs.find import find_islands
from electrosaxs.nouns.islands import Scale
from electrosaxs.nouns.micrograph import MicrographSettings
from electrosaxs.twin.micrograph import SimulatedField, simulate_field

FIELDS = 10
CASES = {
    "SEM": MicrographSettings(),
    "optical, colour": MicrographSettings(microscope="optical", thickness_um=1.0),
    "one orientation, bar": MicrographSettings(one_orientation=True, bar_px=64),
}
SMALLEST = 200  # px, for the stock methods: what is smaller is dust


def stock_counts(field: SimulatedField, rows: int) -> tuple[int, int]:
    """Objects whose centre lies in the image: connected components of Otsu's threshold, and those cut by watershed."""
    grey = field.image[:rows].astype(float)
    grey = gaussian(grey.mean(axis=2) if grey.ndim == 3 else grey, 1.5)
    mask = ndimage.binary_fill_holes(grey > threshold_otsu(grey))
    components = [r for r in regionprops(label(mask)) if r.area > SMALLEST]
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 1.0)
    seeds = np.zeros(mask.shape, dtype=int)
    peaks = peak_local_max(depth, min_distance=10, labels=label(mask))
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    cut = [r for r in regionprops(watershed(-depth, seeds, mask=mask)) if r.area > SMALLEST]
    return len(components), len(cut)


def main(fields: int) -> None:
    for name, settings in CASES.items():
        true, errors, edges, seconds = 0, np.zeros(3), [], 0.0
        for seed in range(fields):
            field = simulate_field(settings, np.random.default_rng(seed))
            true += int(field.counted.sum())
            image = field.image[: settings.height_px].astype(float)
            started = time.process_time()
            view = find_islands(image if image.ndim == 3 else image[..., None], Scale(None, "simulated"))
            seconds += time.process_time() - started
            errors += [view.expected_count, *stock_counts(field, settings.height_px)]
            for island, counted in zip(field.islands, field.counted, strict=True):
                if counted:
                    near = min(view.found, key=lambda i, o=island: np.hypot(i.x - o.x, i.y - o.y))
                    edges.append(near.edge / island.edge - 1.0)
        own, components, cut = errors / true - 1.0
        print(
            f"{name:<22} electrosaxs {own:+.1%} (edge {np.median(edges):+.1%}, {seconds / fields:.1f} s of CPU)   "
            f"components {components:+.1%}   watershed {cut:+.1%}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else FIELDS)
