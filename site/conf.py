"""Sphinx reads this; build_site.py copies it beside the pages it has gathered."""

from pathlib import Path

import links
from course_alt import register_alt_texts

REPOSITORY = f"https://github.com/{links.current()}"

project = "GAN course"
author = "The gan-course authors"
copyright = "the gan-course authors; text and figures CC BY 4.0, code MIT"
language = "en"
extensions = ["myst_nb", "sphinx_copybutton", "sphinx_design", "sphinxcontrib.bibtex"]
exclude_patterns = ["extra"]

nb_execution_mode = "off"
nb_merge_streams = True
nb_number_source_lines = False
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type"]
bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "plain"
add_module_names = False

mathjax_path = "tex-svg.js"
html_theme = "sphinx_book_theme"
html_title = "GAN course"
html_static_path = ["_static"]
html_extra_path = ["extra"]
html_css_files = ["course.css"]
html_favicon = "_static/favicon.svg"
html_logo = "_static/favicon.svg"
html_theme_options = {
    "repository_url": REPOSITORY,
    "repository_branch": "main",
    "path_to_docs": "",
    "use_repository_button": True,
    "launch_buttons": {"colab_url": "https://colab.research.google.com"},
    "show_toc_level": 2,
    "home_page_in_toc": True,
    "navbar_start": [],
    "navbar_center": [],
    "navbar_end": [],
    "navbar_persistent": [],
    "logo": {"text": "GAN course", "alt_text": ""},
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def setup(app):
    assert Path(app.srcdir, "references.bib").exists(), "run site/build_site.py, which gathers what this reads"
    register_alt_texts()
