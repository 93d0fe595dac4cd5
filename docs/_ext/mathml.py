"""Equations as MathML, which browsers draw without a script and without a connection.

The converter is that of docutils. An equation that it does not understand is a warning of the build, so that no page
shows a broken one.
"""

from __future__ import annotations

import re

from docutils import nodes
from docutils.utils.math import MathError, pick_math_environment
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)
_SAME = ((r"\dots", r"\ldots"), (r"{\rm Im}", r"\mathrm{Im}"), (r"\mathrel{+}", "{+}"))
"""Commands that the converter does not know, and what looks the same."""
_FUNCTION = r"\\(?:log|det|exp|sin|cos|coth|max|min)(?![A-Za-z])"
_SPACES = (
    (re.compile(rf"(?<=[A-Za-z0-9}}])\s*(?={_FUNCTION})"), r"\\,"),
    (re.compile(rf"({_FUNCTION})\s*(?=[A-Za-z]|\\(?!left|bigl|Bigl|lvert|lVert|,|\())"), r"\1\\,"),
)
"""Thin spaces around the name of a function, which not all browsers leave."""
_FRACTION = re.compile(r"\\[td]?frac\s*([0-9A-Za-z])\s*([0-9A-Za-z]|\\[A-Za-z]+)")
"""A fraction without braces, whose digits the converter would take for one number."""

_BAR = re.compile(r'<mo(?: class="math(?:open|close)")?>([|∥‖])</mo>')
"""Bars of norms, which browsers would set as far apart as a relation."""


def _converted(node: nodes.Element, source: str, as_block: bool) -> str:
    for unknown, known in _SAME:
        source = source.replace(unknown, known)
    source = _FRACTION.sub(r"\\frac{\1}{\2}", source)
    for place, space in _SPACES:
        source = place.sub(space, source)
    if as_block and pick_math_environment(source).startswith("align"):
        source = f"\\begin{{aligned}}{source.strip()}\\end{{aligned}}"
    try:
        return _BAR.sub(
            r'<mo lspace="0" rspace="0" stretchy="false">\1</mo>', str(tex2mathml(source, as_block=as_block))
        )
    except MathError as error:
        logger.warning("equation %r: %s", source, error, location=node)
        return f"<code>{source}</code>"


def visit_math(self: HTML5Translator, node: nodes.math) -> None:
    """Write an equation within a line."""
    self.body.append(_converted(node, node.astext(), as_block=False))
    raise nodes.SkipNode


def visit_math_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write an equation of its own."""
    self.body.append(f'<div class="math">{_converted(node, node.astext(), as_block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Enter the renderer `mathml`."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
