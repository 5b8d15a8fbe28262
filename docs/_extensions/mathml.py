"""Formulas as MathML, which browsers draw themselves: no script, no font and no picture is fetched.

The translation is that of docutils. docs/decisions/0006-formulas-without-a-network.md says what else was tried.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

logger = logging.getLogger(__name__)
# docutils takes all digits that follow as one number, where TeX takes one digit: \frac12 would be drawn as 12 over nothing
DIGITS_WITHOUT_BRACES = re.compile(r"\\[a-z]*(frac|sqrt)\s*\d\d")


def mathml(node: nodes.Element, *, block: bool) -> str:
    """The formula of `node`; what cannot be translated is a warning and stands there as it was written."""
    text = node.astext()
    if DIGITS_WITHOUT_BRACES.search(text):
        logger.warning("put braces around the digits of a fraction: %s", text, location=node)
    try:
        return tex2mathml(text, as_block=block)
    except MathError as error:
        logger.warning("formula %s: %s", text, error, location=node)
        return f"<code>{nodes.unescape(text)}</code>"


def inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(mathml(node, block=False))
    raise nodes.SkipNode


def display(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="math">{mathml(node, block=True)}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
