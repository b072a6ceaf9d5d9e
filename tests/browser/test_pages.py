"""The built site as a reader meets it: links, formulas, width, search, darkness, and what axe-core has to say."""

import re
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlparse

import pytest

ROOT = Path(__file__).parents[2]
HTML = ROOT / "site" / "build" / "html"
PAGES = sorted(str(path.relative_to(HTML)) for path in HTML.rglob("*.html") if "_static" not in path.parts and "slides" not in path.parts)
LOOKED_AT = ["index.html", "syllabus.html", "notation.html", "glossary.html", "references.html", "library/models.html"]
WIDE = """() => [...document.querySelectorAll('main *')].filter(n => n.getBoundingClientRect().right > innerWidth + 1
  && !n.closest('pre, mjx-container, table, .sidebar, dialog, .bd-sidebar-secondary')).map(n => n.outerHTML.slice(0, 90)).slice(0, 3)"""


def lessons() -> list[str]:
    return [name for name in PAGES if name.startswith("notebooks/")]


def axe(page) -> list[str]:
    """The serious and critical findings of axe-core."""
    page.add_script_tag(path=str(ROOT / "node_modules" / "axe-core" / "axe.min.js"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    grave = [item for item in found if item["impact"] in ("serious", "critical")]
    return [f"{item['id']}: {item['help']}: {[node['html'][:120] for node in item['nodes'][:3]]}" for item in grave]


def typeset(page) -> None:
    """Waits until MathJax has drawn the formulas of the page."""
    page.wait_for_function("!document.querySelector('.math') || window.MathJax?.startup?.promise")
    page.evaluate("window.MathJax?.startup?.promise")


def test_no_page_asks_another_machine(page, site):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for name in PAGES:
        page.goto(site + name)
        typeset(page)
    assert not [url for url in asked if not url.startswith((site, "data:", "blob:"))]
    assert not page.faults


def test_every_link_leads_somewhere(page, site):
    """All pages, all links to other pages of the site, with their anchors; links to elsewhere are looked at, not followed."""
    targets, anchors, dead = {}, {}, []
    for name in PAGES:
        page.goto(site + name, wait_until="domcontentloaded")
        hrefs = page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))")
        anchors[site + name] = set(page.evaluate("[...document.querySelectorAll('[id]')].map(n => n.id)"))
        for href in hrefs:
            targets.setdefault(urljoin(site + name, href), name)
    for target, name in targets.items():
        plain, anchor = urldefrag(target)
        plain = plain + "index.html" if plain.endswith("/") else plain
        if not plain.startswith(site):
            assert urlparse(plain).scheme in ("https", "http", "mailto"), f"{name} links to {target}"
        elif not (HTML / unquote(urlparse(plain).path).lstrip("/")).exists():
            dead.append(f"{name}: {target}")
        elif anchor and plain in anchors and unquote(anchor) not in anchors[plain]:
            dead.append(f"{name}: {target} has no such place")
    assert not dead


def test_formulas_are_typeset(page, site):
    for name in ["notation.html", *lessons()]:
        page.goto(site + name)
        typeset(page)
        count = page.evaluate("document.querySelectorAll('.math').length")
        drawn = page.evaluate("document.querySelectorAll('mjx-container svg').length")
        wrong = page.evaluate(
            "[...document.querySelectorAll('mjx-container [data-mjx-error], mjx-merror')].map(n => n.outerHTML.slice(0, 200))"
        )
        assert drawn >= count, f"{name}: {drawn} of {count} formulas"
        assert not wrong, f"{name}: {wrong}"


def test_nothing_scrolls_sideways_on_a_telephone(page, site):
    page.set_viewport_size({"width": 390, "height": 844})
    for name in PAGES:
        page.goto(site + name)
        typeset(page)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, f"{name} is {width} px wide: {page.evaluate(WIDE)}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_grave(chromium, site, scheme):
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    findings = {}
    for name in [*LOOKED_AT, *lessons()]:
        page.goto(site + name)
        typeset(page)
        findings |= {name: found} if (found := axe(page)) else {}
    context.close()
    assert not findings


def test_pictures_of_lessons_have_words(page, site):
    for name in ["index.html", *lessons()]:
        page.goto(site + name, wait_until="domcontentloaded")
        texts = page.evaluate("[...document.querySelectorAll('.cell_output img, .sd-card img')].map(i => i.alt)")
        poor = [text for text in texts if len(text.split()) < 4 or re.search(r"\.(png|svg|jpe?g)$|^<Figure", text)]
        assert not poor, f"{name}: {poor}"


def test_search_finds_a_term(page, site):
    page.goto(site + "search.html?q=posterior")
    page.wait_for_selector("ul.search li a", timeout=20_000)
    assert "lossary" in page.locator("ul.search").inner_text()


def test_the_dark_can_be_chosen(page, site):
    page.goto(site + "index.html")
    seen = {}
    for mode in ("Light", "Dark"):
        page.get_by_role("button", name="Color mode").first.click()
        page.get_by_role("button", name=mode).or_(page.get_by_text(mode, exact=True)).locator("visible=true").first.click()
        page.wait_for_timeout(300)
        seen[mode] = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert seen["Light"] != seen["Dark"], seen


def test_a_lesson_opens_in_colab(page, site):
    for name in lessons():
        page.goto(site + name, wait_until="domcontentloaded")
        links = page.evaluate("[...document.querySelectorAll('a[href*=\"colab.research\"]')].map(a => a.href)")
        assert links and {link.partition("/blob/main/")[2] for link in links} == {name.removesuffix(".html") + ".ipynb"}, links
