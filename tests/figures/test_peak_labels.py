"""Labels of peaks can be read: none covers another, and none is left out while a row has room."""

import itertools

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from electrosaxs.figures.peak_labels import label_peaks
from electrosaxs.nouns import Peak


def test_no_label_covers_another() -> None:
    """An unexplained peak beside 111, a close pair of explained ones, three within a label's width, and one alone."""
    named = {0.70: (1, 1, 1), 0.712: None, 0.73: None, 1.10: (2, 2, 0), 1.115: (3, 1, 1), 1.121: None, 1.9: (10, 0, 2)}
    peaks = [Peak(q, 1e-3, 0.01, 1.0, 0.1, 20.0, hkl) for q, hkl in named.items()]
    figure = Figure(figsize=(3.4, 1.9), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(0.3, 2.2), ylim=(0.0, 3.0))
    label_peaks(axes, peaks, 1.2)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [child for child in axes.get_children() if isinstance(child, Annotation)]
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in texts]
    assert sorted(text.get_text() for text in texts) == ["1002", "111", "220", "311", "?"]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    marks = np.concatenate([line.get_xdata() for line in axes.lines])
    assert marks.size == len(peaks)  # a tick stands where no label has room
