"""Islands counted on simulated micrographs, beside stock parts of scikit-image: connected components, and watershed.

    python benchmarks/islands.py [FIELDS]

1024 x 1024 pixels, 90 islands on each on average (a Poisson number), a third of them merged, 14 % covered. The renderer and the
search share the shape's geometry and nothing else. One block per kind of micrograph: relative error of the count by each
method; recall and precision at an intersection over union of 0.5; bias of base edge and thickness; standard deviation of the
pulls of the count (sigma of detection alone, against the islands that are there) and of the density (whole sigma, against the
density that the numbers were drawn from); CPU seconds an image.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_otsu
from skimage.measure import label, regionprops
from skimage.segmentation import watershed

from electrosaxs.micrographs.density import count_variance
from electrosaxs.micrographs.find import find_islands
from electrosaxs.nouns.islands import FieldOfView, Scale
from electrosaxs.nouns.micrograph import MicrographSettings
from electrosaxs.physics.tetrahedron import SQRT3, depth
from electrosaxs.recipes.islands.detection import simulated_detection
from electrosaxs.twin.micrograph import SimulatedField, simulate_field

FIELDS = 30
CASES = {
    "SEM": MicrographSettings(poisson=True),
    "optical, colour": MicrographSettings(poisson=True, microscope="optical", thickness_um=1.0),
    "one orientation, information bar": MicrographSettings(poisson=True, one_orientation=True, bar_px=64),
    "SEM, wide facets": MicrographSettings(poisson=True, base_edge_um=16.0, thickness_um=2.6, islands=60),
}
SMALLEST = 200  # px, for the stock methods: what is smaller is dust
IOU = 0.5


def stock_counts(one: SimulatedField, rows: int) -> tuple[int, int]:
    """Objects whose centre lies in the image: connected components of Otsu's threshold, and those cut by watershed."""
    grey = one.image[:rows].astype(float)
    grey = gaussian(grey.mean(axis=2) if grey.ndim == 3 else grey, 1.5)
    mask = ndimage.binary_fill_holes(grey > threshold_otsu(grey))
    components = [r for r in regionprops(label(mask)) if r.area > SMALLEST]
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 1.0)
    seeds = np.zeros(mask.shape, dtype=int)
    peaks = peak_local_max(distance, min_distance=10, labels=label(mask))
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    cut = [r for r in regionprops(watershed(-distance, seeds, mask=mask)) if r.area > SMALLEST]
    return len(components), len(cut)


@dataclass
class Score:
    """What adds up over the fields of one case."""

    true: int = 0
    counts: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    recalled: int = 0
    right: float = 0.0
    found: int = 0
    edges: list[float] = field(default_factory=list)
    thicknesses: list[float] = field(default_factory=list)
    count_pulls: list[float] = field(default_factory=list)
    density_pulls: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, one: SimulatedField, view: FieldOfView, settings: MicrographSettings, per_island: float) -> None:
        counted = int(one.counted.sum())
        self.true += counted
        for k, count in enumerate((view.expected_count, *stock_counts(one, settings.height_px))):
            self.counts[k] += count
        detection = count_variance(view, per_island)
        self.count_pulls.append((view.expected_count - counted) / np.sqrt(detection))
        self.density_pulls.append(
            (view.expected_count - settings.islands) / np.sqrt(detection + max(view.expected_count, 1.0))
        )
        taken: set[int] = set()
        for island, counts in zip(one.islands, one.counted, strict=True):
            near = [k for k, i in enumerate(view.found) if np.hypot(i.x - island.x, i.y - island.y) < 0.4 * island.edge]
            shared = {k: overlap(island, view.found[k]) for k in near}
            best = max(shared, key=shared.__getitem__, default=None)
            if best is None or best in taken or shared[best] < IOU:
                continue
            taken.add(best)
            self.recalled += bool(counts)
            if counts and not view.found[best].border:
                self.edges.append(view.found[best].edge / island.edge - 1.0)
                top = view.found[best].top_edge
                if np.isfinite(top):
                    true_top = island.edge - 2.0 * SQRT3 * island.facet
                    self.thicknesses.append((view.found[best].edge - top) / (island.edge - true_top) - 1.0)
        counting = [k for k, i in enumerate(view.found) if i.counts]
        self.found += len(counting)
        self.right += sum(k in taken for k in counting)


def overlap(island: object, found: object) -> float:
    """Intersection over union of two triangles on a grid of a pixel."""
    o, i = island, found
    reach = max(o.edge, i.edge) / SQRT3 + 2.0  # type: ignore[attr-defined]
    centre = np.array([o.x, o.y])  # type: ignore[attr-defined]
    grid = np.stack(np.meshgrid(*[np.arange(c - reach, c + reach) for c in centre]), -1)
    one, other = (depth(grid, t.x, t.y, t.edge, t.rotation_deg, t.truncation) > 0.0 for t in (o, i))  # type: ignore[attr-defined]
    return float((one & other).sum() / max((one | other).sum(), 1))


def main(fields: int) -> None:
    for name, settings in CASES.items():
        score = Score()
        pairs = []
        for seed in range(fields):
            one = simulate_field(settings, np.random.default_rng(seed))
            image = one.image[: settings.height_px].astype(float)
            started = time.process_time()
            view = find_islands(image if image.ndim == 3 else image[..., None], Scale(None, "simulated"))
            score.seconds += time.process_time() - started
            pairs.append((one, view))
        per_island = simulated_detection([view for _, view in pairs]).variance
        for one, view in pairs:
            score.add(one, view, settings, per_island)
        own, components, cut = (count / score.true - 1.0 for count in score.counts)
        thickness = f"{np.median(score.thicknesses):+.1%}" if len(score.thicknesses) > 20 else "not resolved"
        print(
            f"{name}\n"
            f"  count: electrosaxs {own:+.1%}, components {components:+.1%}, watershed {cut:+.1%}; "
            f"recall {score.recalled / score.true:.3f}, precision {score.right / max(score.found, 1):.3f}\n"
            f"  edge {np.median(score.edges):+.1%}, thickness {thickness}; pulls of the count "
            f"{np.std(score.count_pulls):.2f}, of the density {np.std(score.density_pulls):.2f} "
            f"(mean {np.mean(score.density_pulls):+.2f}); {score.seconds / fields:.1f} s of CPU an image",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else FIELDS)
