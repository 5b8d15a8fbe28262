"""Sphinx configuration: MyST pages, one bibliography, no request leaves the page."""

project = "electrosaxs"
author = "The electrosaxs developers"
copyright = "2026, the electrosaxs developers"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinxcontrib.bibtex", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "unsrt"
exclude_patterns = ["_build"]
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
html_theme = "pydata_sphinx_theme"
html_title = "electrosaxs"
html_theme_options = {"show_toc_level": 2, "navbar_end": [], "secondary_sidebar_items": ["page-toc"]}
html_show_sourcelink = False
