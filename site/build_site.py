"""Builds the website: pages of site/, the notebooks with their stored outputs, the library's docstrings -> site/build/html.

Nothing runs and nothing is fetched: formulas are typeset by a MathJax that is copied in, figures are those of the notebooks and of
figures.py. `make site` builds the slides first and shows them under slides/; it puts tools/ on the path.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import nbformat
from docutils.nodes import make_id

import figures
import library
import links
import syllabus

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SOURCE, HTML = HERE / "build" / "source", HERE / "build" / "html"
DECKS = ROOT / "slides" / "build"
MODULES = ROOT / "node_modules"
FIELD = 'class="btn search-button-field search-button__button pst-js-only"'
NAMES = {  # what the theme leaves without a name, or names other than it reads; found by axe-core
    '<summary><span class="toctree-toggle"': '<summary aria-label="Pages below"><span class="toctree-toggle"',
    ' aria-label="Toggle hidden content"': "",
    'role="doc-biblioentry"': 'role="listitem"',
    f'{FIELD} title="Search" aria-label="Search"': FIELD,
}
DECK_LINK = re.compile(r'href="https://github\.com/[\w.-]+/[\w.-]+/blob/main/notebooks/(?P<name>[\w-]+)\.ipynb(?:#(?P<anchor>[^"]*))?"')
BAR = re.compile(r"\s*0%\|")  # a progress bar as it stood when it was made
STILL = '<p class="still">A still picture: its controls move in JupyterLab and in Colab.</p>'
FOLDED = {"setup": "the set-up", "solution": "the solution"}
LINK = re.compile(r"(?<!!)\[(?P<words>[^\]]+)\]\((?P<target>\.\./[^)\s#]+|[\w./-]+\.ipynb)(?P<anchor>#[^)\s]*)?\)")


def deck_link(found: re.Match) -> str:
    """A deck's link to a section of a notebook on GitHub, as the section of the page on this site."""
    anchor = make_id(unquote(found["anchor"]).replace("-", " ")) if found["anchor"] else ""
    there = (ROOT / "notebooks" / f"{found['name']}.ipynb").exists()
    return f'href="../notebooks/{found["name"]}.html{"#" + anchor if anchor else ""}"' if there else found[0]


def site_link(found: re.Match) -> str:
    """A link of a notebook to a file of the repository, as the site has it: a deck, another lesson, or the file on GitHub."""
    words, target, anchor = found["words"], found["target"], found["anchor"] or ""
    path = Path(target).name
    if target.startswith("../slides/src/") and (DECKS / f"{Path(path).stem}.html").exists():
        return f'<a href="../slides/{Path(path).stem}.html">{words}</a>'
    if path.endswith(".ipynb") and (ROOT / "notebooks" / path).exists():
        return f"[{words}]({path}{anchor})"
    folder = "notebooks/" if not target.startswith("../") else ""
    return f"[{words}](https://github.com/{links.current()}/blob/main/{folder}{target.removeprefix('../')}{anchor})"


def shown(output: nbformat.NotebookNode) -> bool:
    """Whether a page needs this output: not the second copy of an alternative text, not a progress bar that stands still."""
    found = output.get("data", {})
    return "figure-in-words" not in found.get("text/html", "") and not ("image/png" not in found and BAR.match(found.get("text/plain", "")))


def prepare(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A notebook for the site: links that lead somewhere there, no bars and second copies, set-up and solutions folded, stills named."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(site_link, cell.source)
            continue
        for tag in set(cell.metadata.get("tags", [])) & set(FOLDED):
            cell.metadata["mystnb"] = {"code_prompt_show": f"Show {FOLDED[tag]}", "code_prompt_hide": f"Hide {FOLDED[tag]}"}
            if tag == "setup":
                cell.metadata["tags"] = [*cell.metadata["tags"], "hide-cell"]
        cell.outputs = [out for out in cell.outputs if shown(out)]
        if cell.outputs and re.search(r"^explore\(", cell.source, re.M):
            cell.outputs.append(nbformat.v4.new_output("display_data", {"text/html": STILL}))
        for out in cell.outputs:
            if "image/png" in out.get("data", {}):
                out["data"].pop("text/html", None)
    return notebook


def collect() -> None:
    """Lays out everything that Sphinx reads."""
    shutil.rmtree(HERE / "build", ignore_errors=True)
    shutil.copytree(HERE, SOURCE, ignore=shutil.ignore_patterns("build", "__pycache__", "*.py"))
    shutil.copy(HERE / "conf.py", SOURCE)
    shutil.copy(ROOT / "references.bib", SOURCE)
    (SOURCE / "notebooks").mkdir()
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        nbformat.write(prepare(nbformat.read(path, as_version=4)), SOURCE / "notebooks" / path.name)
    static = SOURCE / "_static"
    shutil.copy(MODULES / "mathjax" / "es5" / "tex-svg.js", static)
    for style in ("normal", "italic"):
        shutil.copy(MODULES / "@fontsource-variable" / "source-sans-3" / "files" / f"source-sans-3-latin-wght-{style}.woff2", static)
    (SOURCE / "extra" / "slides").mkdir(parents=True)
    if DECKS.exists():
        shutil.copytree(DECKS, SOURCE / "extra" / "slides", dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.md"))
    pictures = figures.draw_all(static / "figures")
    index = SOURCE / "index.md"
    index.write_text(index.read_text().replace("<!-- results -->", figures.cards(pictures)))
    plan = SOURCE / "syllabus.md"
    table = syllabus.site_table(syllabus.read_all(), decks={deck.stem for deck in DECKS.glob("*.html")})
    plan.write_text(plan.read_text().replace("<!-- lessons -->", table).replace("<!-- machine -->", syllabus.machine()))
    library.write_pages(ROOT / "course_lib", SOURCE / "library")


def main() -> None:
    collect()
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q", "-d", str(HERE / "build" / "doctrees")]
    path = os.pathsep.join([str(ROOT), str(ROOT / "tools"), str(HERE)])
    done = subprocess.run([*command, str(SOURCE), str(HTML)], env={**os.environ, "PYTHONPATH": path})
    if done.returncode:
        sys.exit(done.returncode)
    for page in HTML.rglob("*.html"):
        text = page.read_text()
        for found, wanted in NAMES.items():
            text = text.replace(found, wanted)
        if page.parent.name == "slides":
            text = DECK_LINK.sub(deck_link, text)
        page.write_text(text)
    print(f"{(HTML / 'index.html').relative_to(ROOT)}  {len(list(HTML.rglob('*.html')))} pages")


if __name__ == "__main__":
    main()
