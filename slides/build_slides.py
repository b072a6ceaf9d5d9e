"""slides/src/NN_name.md -> slides/build/NN_name.html and .pdf, and what is wrong with them: the build fails when something is.

A deck shows a figure as `![w:900](figures/NAME.svg)`; its alternative text comes from FIGURES (see make_figures.py) unless the deck
writes one of its own. It links a section of a lesson as `[2](../../notebooks/01a_generative_modelling.ipynb#3.-Maximum-likelihood)`,
the heading with hyphens for spaces; the built deck leads to GitHub, and within the site to the site's page. Formulas become pictures
at build time: nothing is loaded from a network.
"""

import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import links
import make_figures

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD = HERE / "build"
FONTS = ROOT / "node_modules" / "@fontsource-variable" / "source-sans-3" / "files"
IMAGE = re.compile(r"!\[(?P<words>[^\]]*)\]\((?P<source>[^)\s]+)\)")
KEYWORD = re.compile(r"^(bg|left|right|fit|contain|cover|auto|vertical|(w|h|width|height|left|right|blur|opacity):?\S*|\d+%)$")
LESSON = re.compile(r"\]\(\.\./\.\./notebooks/(?P<name>[\w-]+)\.ipynb(?:#(?P<anchor>[^)\s]*))?\)")
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<!\\)\$([^$\n]+?)\$", re.S)
DRAWN = "<mjx-container"
TEX_ERROR = re.compile(r'data-mjx-error="([^"]*)"|data-mml-node="mtext" fill="red"[^>]*>')
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")

# Run in the page: what of each slide lies outside it, or under its page number. Slides are <svg> in Marp's HTML; sizes are 1280 x 720.
OUTSIDE = """() => [...document.querySelectorAll('section[id]')].flatMap((slide) => {
  const box = slide.getBoundingClientRect(), scale = box.width / 1280, found = [];
  for (const node of slide.querySelectorAll('h1,h2,h3,p,li,pre,code,table,img,mjx-container,blockquote,td')) {
    const own = node.getBoundingClientRect();
    if (own.width === 0) continue;
    const out = Math.max(box.left - own.left, own.right - box.right, box.top - own.top, own.bottom - box.bottom) / scale;
    const low = node.closest('.source, footer') ? 0 : (own.bottom - box.bottom) / scale + 44;
    if (out > 1 || low > 1 || node.scrollWidth > node.clientWidth + 2 && node.matches('pre'))
      found.push(`slide ${slide.id}: <${node.localName}> leaves it by ${Math.round(Math.max(out, low))} px: ` +
        (node.textContent || node.alt || '').trim().slice(0, 50));
  }
  return found;
})"""


def anchors(lesson: Path) -> list[str]:
    """The names by which Jupyter and GitHub link the sections of a lesson: its headings with hyphens for spaces."""
    return [heading.replace(" ", "-") for heading in re.findall(r"^# #{2,3} (.+)$", lesson.read_text(), re.M)]


def prepare(deck: Path) -> tuple[Path, list[str]]:
    """Copies a deck to the build folder with its alternative texts filled in; returns it and what is wrong with its figures."""
    drawn, faults = make_figures.figures(deck.stem), []

    def fill(image: re.Match) -> str:
        words, source = image["words"].split(), image["source"]
        keywords = [word for word in words if KEYWORD.match(word)]
        alt = " ".join(word for word in words if word not in keywords)
        name = Path(source).stem
        if source != f"figures/{name}.svg" or name not in drawn:
            faults.append(f"{deck.name}: there is no figure {source}; slides/figures/{deck.stem}.py draws {', '.join(drawn) or 'none'}")
        else:
            alt = alt or drawn[name][1]
        if len(alt.split()) < 4:
            faults.append(f"{deck.name}: the alternative text of {source} is {alt!r}; it must say in a few words what the figure shows")
        return f"![{' '.join([*keywords, alt])}]({source})"

    def lead(link: re.Match) -> str:
        lesson, anchor = ROOT / "lessons" / f"{link['name']}.py", unquote(link["anchor"] or "")
        if not lesson.exists():
            faults.append(f"{deck.name}: there is no lesson {link['name']}")
        elif anchor and anchor not in anchors(lesson):
            faults.append(f"{deck.name}: {lesson.name} has no section {anchor}; it has {', '.join(anchors(lesson))}")
        return f"](https://github.com/{links.current()}/blob/main/notebooks/{link['name']}.ipynb{'#' + anchor if anchor else ''})"

    text = LESSON.sub(lead, IMAGE.sub(fill, deck.read_text()))
    if "\nlang:" not in text:
        text = text.replace("---\n", "---\nlang: en\n", 1)
    target = BUILD / deck.name
    target.write_text(text)
    return target, faults


def name_formulas(page: str, deck: str) -> str:
    """A deck's HTML in which each formula, a picture, has its TeX as its name. Raises ValueError if counts differ."""
    text = re.sub(r"```.*?```|`[^`\n]*`|<!--.*?-->", "", deck, flags=re.S)
    formulas = iter(display or inline for display, inline in FORMULA.findall(text))
    count = len(FORMULA.findall(text))
    if count != page.count(DRAWN):
        raise ValueError(f"there are {count} formulas in the deck and {page.count(DRAWN)} on its slides; write a dollar sign as \\$")
    return re.sub(
        f'({DRAWN}.*?role="img")', lambda m: f'{m[1]} aria-label="{html.escape(" ".join(next(formulas).split()))}"', page, flags=re.S
    )


def tex_errors(page: str) -> list[str]:
    """The messages of formulas that MathJax could not read: Marp itself does not fail on them."""
    return [found[1] or "undefined macro" for found in TEX_ERROR.finditer(page)]


def marp(*arguments: str) -> None:
    """Runs the Marp command line on the build folder."""
    command = str(ROOT / "node_modules" / ".bin" / "marp")
    options = ["--no-stdin", "--html", "--allow-local-files", "--theme-set", "theme.css"]  # the last takes all that follows
    environment = {**os.environ, "CHROME_NO_SANDBOX": "1"}
    done = subprocess.run([command, *arguments, *options], cwd=BUILD, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)


def outside(decks: list[Path]) -> list[str]:
    """What leaves its slide, measured in Chromium."""
    from playwright.sync_api import sync_playwright

    faults = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.emulate_media(media="print")  # all slides stand below one another
        for deck in decks:
            page.goto(deck.as_uri())
            page.evaluate("document.fonts.ready")
            broken = page.evaluate("[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src)")
            faults += [f"{deck.name}: picture {source} does not load" for source in broken]
            faults += [f"{deck.name}: {fault}" for fault in page.evaluate(f"({OUTSIDE})()")]
        browser.close()
    return faults


def main(names: list[str]) -> None:
    """Builds the decks whose names begin with one of `names`, or all; exits with 1 and the list of faults when there are some."""
    decks = [deck for deck in sorted((HERE / "src").glob("[0-9]*.md")) if not names or deck.stem.startswith(tuple(names))]
    (BUILD / "fonts").mkdir(parents=True, exist_ok=True)
    for font in FONTS.glob("*-latin-wght-*.woff2"):
        shutil.copy(font, BUILD / "fonts")
    shutil.copy(HERE / "theme.css", BUILD)
    make_figures.main([deck.stem for deck in decks])
    faults, ready = [], []
    for deck in decks:
        copy, wrong = prepare(deck)
        ready.append(copy.name)
        faults += wrong
    marp(*ready)
    pages = [BUILD / f"{deck.stem}.html" for deck in decks]
    for page in pages:
        page.write_text(name_formulas(page.read_text(), (BUILD / f"{page.stem}.md").read_text()))
        faults += [f"{page.name}: TeX: {message}" for message in tex_errors(page.read_text())]
    if CHROMIUM:
        marp("--pdf", "--pdf-outlines", "--browser", "chrome", "--browser-path", CHROMIUM, *ready)
        faults += outside(pages)
    else:
        print("no Chromium here: the PDFs were not made and nobody looked whether text leaves its slide")
    for page in pages:
        print(f"{page.relative_to(ROOT)}  {page.read_text().count('<section id=')} slides")
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main(sys.argv[1:])
