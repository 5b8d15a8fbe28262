"""Answers that matplotlib works out again and again while it draws one figure, kept until the figure is drawn.

A layout and two drawings ask each axis sixteen times for its ticks and eight times where their labels lie, though both
change only when the axes move or the resolution does; each text is measured anew for every question, and asks anew which
files its fonts are in. The questions are methods that matplotlib keeps to itself: where a later version has them no more,
nothing is kept and all is drawn as before.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from matplotlib.axis import Axis
from matplotlib.font_manager import FontManager, FontProperties
from matplotlib.text import Text

Method = Callable[..., Any]


@contextmanager
def said_once() -> Iterator[None]:
    """Ticks, places of their labels, sizes of texts and files of fonts are found once as long as what they follow from is the
    same.

    For drawing what is complete: ticks that a program changes meanwhile are not seen.
    """
    with ExitStack() as stack:
        for owner, name, kept in (
            (Axis, "_update_ticks", _kept_ticks),
            (Axis, "_get_ticklabel_bboxes", _kept_labels),
            (Text, "_get_layout", _kept_sizes),
            (FontManager, "_find_fonts_by_props", _kept_files),
        ):
            if (method := vars(owner).get(name)) is not None:
                setattr(owner, name, kept(method))
                stack.callback(setattr, owner, name, method)
        yield


def _place(axis: Axis) -> Hashable:
    """What the ticks of an axis follow from: where the axes lie (px), what they show, and the resolution."""
    return (*axis.axes.bbox.bounds, *axis.get_view_interval(), axis.axes.figure.dpi)


def _kept_ticks(method: Method) -> Method:
    known: dict[Axis, tuple[Hashable, list[Any]]] = {}

    def update_ticks(axis: Axis) -> list[Any]:
        place = _place(axis)
        if axis not in known or known[axis][0] != place:
            known[axis] = place, method(axis)
        return list(known[axis][1])

    return update_ticks


def _kept_labels(method: Method) -> Method:
    known: dict[Axis, tuple[Hashable, list[list[Any]]]] = {}

    def ticklabel_bboxes(axis: Axis, ticks: list[Any], renderer: Any) -> list[list[Any]]:
        place = _place(axis), renderer, tuple(ticks)
        if axis not in known or known[axis][0] != place:
            known[axis] = place, method(axis, ticks, renderer)
        return [list(boxes) for boxes in known[axis][1]]

    return ticklabel_bboxes


def _kept_sizes(method: Method) -> Method:
    known: dict[Text, tuple[Hashable, Any]] = {}

    def layout(text: Text, renderer: Any) -> Any:
        figure = text.get_figure(root=True)
        if figure is None or text.get_wrap():  # lines that are wrapped follow from where they stand
            return method(text, renderer)
        turned = (
            text.get_rotation(),
            text.get_rotation_mode(),
            text.get_horizontalalignment(),
            text.get_verticalalignment(),
        )
        key = renderer, figure.dpi, text.get_text(), text.get_fontsize(), turned
        if text not in known or known[text][0] != key:
            known[text] = key, method(text, renderer)
        return known[text][1]

    return layout


def _kept_files(method: Method) -> Method:
    known: dict[Hashable, list[Any]] = {}

    def find_fonts(manager: FontManager, prop: FontProperties, *rest: Any, **how: Any) -> list[Any]:
        key = (prop.copy() if isinstance(prop, FontProperties) else prop, rest, tuple(how.items()))
        if key not in known:
            known[key] = method(manager, prop, *rest, **how)
        return list(known[key])

    return find_fonts
