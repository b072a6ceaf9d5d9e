"""The built decks in a browser: pictures, formulas, fonts, keyboard, nothing from outside, and what axe-core has to say."""

from pathlib import Path

import pytest
from test_pages import axe

ROOT = Path(__file__).parents[2]
DECKS = sorted((ROOT / "slides" / "build").glob("[0-9]*.html"))
if not DECKS:
    pytestmark = pytest.mark.skip(reason="the slides are not built; `make slides` builds them")
decks = pytest.mark.parametrize("deck", DECKS, ids=lambda path: path.stem)


@decks
def test_a_deck_is_complete_in_itself(deck, page):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.emulate_media(media="print")
    page.goto(deck.as_uri())
    page.evaluate("document.fonts.ready")
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
    assert page.evaluate("document.fonts.check('20px \"Source Sans 3\"')"), "the font of the course is beside the deck"
    pictures = page.evaluate("[...document.images].map(i => [i.src, i.naturalWidth > 0, i.alt])")
    assert not [source for source, loaded, alt in pictures if not loaded or len(alt.split()) < 4]
    assert not page.evaluate("document.querySelectorAll('[data-mjx-error]').length")
    assert not page.faults


@decks
def test_keys_turn_the_slides_and_notes_are_there(deck, page):
    page.goto(deck.as_uri())
    first = page.evaluate("location.hash")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"location.hash !== {first!r}")
    notes = page.evaluate("document.querySelectorAll('.bespoke-marp-note').length")
    slides = page.locator("section[id]").count()
    assert notes >= slides / 2, f"{notes} speaker notes for {slides} slides"


@decks
def test_axe_finds_nothing_grave(deck, page):
    page.goto(deck.as_uri())
    assert not axe(page)  # as it is shown: one slide, the others hidden
    page.emulate_media(media="print")  # and every slide at once, as in the PDF
    page.evaluate("document.querySelectorAll('[aria-hidden]').forEach(node => node.removeAttribute('aria-hidden'))")
    assert not axe(page)


@decks
def test_a_deck_of_the_site_leads_into_the_site(deck, page, site):
    page.goto(f"{site}slides/{deck.name}")
    for link in page.evaluate("[...document.querySelectorAll('section a[href^=\"..\"]')].map(a => a.getAttribute('href'))"):
        page.goto(f"{site}slides/{link}")
        place = link.partition("#")[2]
        assert not place or page.locator(f"[id='{place}']").count(), f"{link} has no such place"
    assert not page.faults
