"""What the site is made from: notebooks prepared for it, links that lead somewhere, the reference written from docstrings."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("docutils", reason="the site's packages are not installed; `make site` installs them")
import build_site
import library
import syllabus

ROOT = Path(__file__).parents[1]


def link(text: str) -> str:
    return build_site.LINK.sub(build_site.site_link, text)


def test_links_of_a_notebook_lead_somewhere_on_the_site():
    assert link("[code](../course_lib/models/vae.py)").endswith("/blob/main/course_lib/models/vae.py)")
    assert link("[later](99_later.ipynb)").endswith("/blob/main/notebooks/99_later.ipynb)")
    assert link("[paper](https://arxiv.org/abs/1312.6114)") == "[paper](https://arxiv.org/abs/1312.6114)"
    assert link("![alt](../x.png)") == "![alt](../x.png)"


def test_links_of_a_deck_lead_to_the_sections_of_the_site(monkeypatch, tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01a_x.ipynb").touch()
    monkeypatch.setattr(build_site, "ROOT", tmp_path)
    there = 'href="https://github.com/a/b/blob/main/notebooks/01a_x.ipynb#4.-Mixtures,-and-expectation-maximisation"'
    wanted = 'href="../notebooks/01a_x.html#mixtures-and-expectation-maximisation"'
    assert build_site.DECK_LINK.sub(build_site.deck_link, there) == wanted
    absent = there.replace("01a_x", "09_y")
    assert build_site.DECK_LINK.sub(build_site.deck_link, absent) == absent


def test_a_notebook_for_the_site_has_its_words_once():
    cell = nbformat.v4.new_code_cell("show()", metadata={"tags": ["setup"]})
    cell.outputs = [
        nbformat.v4.new_output("display_data", {"image/png": "iVBOR", "text/plain": "words"}, metadata={"image/png": {"alt": "words"}}),
        nbformat.v4.new_output("display_data", {"text/html": '<details class="figure-in-words">words</details>'}),
    ]
    prepared = build_site.prepare(nbformat.v4.new_notebook(cells=[cell]))
    assert len(prepared.cells[0].outputs) == 1 and "hide-cell" in prepared.cells[0].metadata["tags"]


def test_a_notebook_for_the_site_has_no_dead_bars_and_names_its_stills():
    new = nbformat.v4
    bar = new.new_output("display_data", {"text/plain": "  0%|          | 0/1500 [00:00<?, ?step/s]"})
    train = new.new_code_cell("fit()", outputs=[bar])
    picture = new.new_code_cell("explore(draw, alt='words')", outputs=[new.new_output("execute_result", {"image/png": "iVBOR"})])
    answer = new.new_code_cell("def f(): ...", metadata={"tags": ["solution", "hide-input"]})
    made = build_site.prepare(new.new_notebook(cells=[train, picture, answer])).cells
    assert made[0].outputs == [] and "JupyterLab" in made[1].outputs[1].data["text/html"]
    assert made[2].metadata["mystnb"]["code_prompt_show"] == "Show the solution"


def test_docstrings_mean_what_they_say():
    assert library.prose("|x| <= 1 and `a_b` * 2") == r"\|x\| \<= 1 and `a_b` \* 2"
    assert library.prose("a:\n\n    code_here") == "a:\n\n```text\n    code_here\n```"


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("def f(a: int, *, b=1) -> float: ...", "f(a: int, *, b=1) -> float"),
        ("class A:\n    def __init__(self, x, y=2): ...", "A(x, y=2)"),
        ("@dataclass(frozen=True)\nclass B:\n    x: int\n    y: float = 1.0", "B(x: int, y: float = 1.0)"),
        ("class C(ValueError): ...", "C"),
    ],
)
def test_signatures_are_those_of_the_source(source, wanted):
    assert library.signature(ast.parse(source).body[0]) == wanted


def test_the_reference_names_every_package(tmp_path):
    library.write_pages(ROOT / "course_lib", tmp_path / "library")
    index = (tmp_path / "library" / "index.md").read_text()
    for package in (ROOT / "course_lib").glob("*/__init__.py"):
        page = tmp_path / "library" / f"{package.parent.name}.md"
        assert page.exists() == (page.stem in index.split())
    assert "{py:function} fit(" in (tmp_path / "library" / "training.md").read_text()


def test_the_syllabus_says_what_each_lesson_gives():
    lessons = syllabus.read_all(built=False)
    table = syllabus.site_table(lessons, decks={lesson.deck for lesson in lessons})
    for lesson in lessons:
        assert f"(notebooks/{lesson.name}.ipynb)" in table
        assert all(aim in table for aim in lesson.aims)
    assert len(re.findall(r"^## ", table, re.M)) == len(lessons)


def test_the_notation_page_has_every_symbol_of_lesson_00():
    page = (ROOT / "site" / "notation.md").read_text().replace(r"\Vert", r"\|")
    table = (ROOT / "lessons" / "00_start_here.py").read_text().partition("# ## Notation")[2].partition("# ## ")[0]
    symbols = [symbol for row in re.findall(r"^# \| (\$.+?) \| ", table, re.M) for symbol in re.findall(r"\$[^$]+\$", row)]
    assert len(symbols) > 15
    shown = re.findall(r"^\| (\$.+?) \| ", page, re.M)
    missing = [symbol for symbol in symbols if not any(symbol.replace(" ", "") in row.replace(" ", "") for row in shown)]
    assert not missing
