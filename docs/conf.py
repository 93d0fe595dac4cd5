"""The manual: `sphinx-build -W --keep-going docs build/manual` makes it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from mpisim.version import __version__

project = "mpisim"
author = "The mpisim developers"
copyright = "2026, the mpisim developers"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "mathml",
    "reference",
    "gallery",
]
exclude_patterns = ["reference/commands.head.md", "_ext"]
templates_path: list[str] = []

html_theme = "furo"
html_title = f"mpisim {release}"
html_static_path = ["_static"]
html_css_files = ["manual.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False

myst_enable_extensions = ["deflist", "dollarmath", "colon_fence"]
myst_heading_anchors = 3

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

# A word between single backquotes in a docstring is a link where it names something, and code elsewhere. A name that
# begins with one of the packages and leads nowhere is a warning.
default_role = "py:obj"
nitpicky = True
