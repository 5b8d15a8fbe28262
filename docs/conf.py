"""Sphinx configuration: MyST pages, one bibliography, no request leaves the page."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))
os.environ["NUMBA_DISABLE_JIT"] = "1"  # kernels are then plain functions, whose signatures can be read

project = "electrosaxs"
author = "The electrosaxs developers"
copyright = "2026, the electrosaxs developers"

extensions = [
    "myst_nb", "sphinx.ext.autodoc", "sphinxcontrib.bibtex", "known_names", "mathml", "plain_docstrings", "code_folders",
]  # fmt: skip
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"  # the tutorial: what it shows is what the code gave when the pages were built
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # nothing is fetched from outside
bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "unsrt"
exclude_patterns = ["_build"]

code_folders_package = "electrosaxs"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
# Every function, method and module that a page links to must exist; types in signatures need not have a page.
nitpicky = True
nitpick_ignore_regex = [("py:(class|obj|data|attr|exc)", ".*")]

html_theme = "pydata_sphinx_theme"
html_title = "electrosaxs"
html_theme_options = {"show_toc_level": 2, "navbar_end": [], "secondary_sidebar_items": ["page-toc"]}
html_show_sourcelink = False
html_math_renderer = "mathml"
