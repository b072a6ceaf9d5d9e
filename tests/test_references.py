"""What lessons cite stands in references.bib, with the same title; what is there is well formed."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENTRY = re.compile(r"^@\w+\{(?P<key>[\w-]+),(?P<body>.*?)^\}", re.M | re.S)
FIELD = re.compile(r"^\s*(\w+)\s*=\s*[{\"](.*?)[}\"],?\s*$", re.M)
CITED = re.compile(r"^# - .*?, \*(?P<title>[^*]+)\*[.,]? .*?\[[^\]]*\]\((?P<address>[^)]+)\)", re.M)
LESSONS = [ROOT / "lessons" / "template.py", *sorted((ROOT / "lessons").glob("[0-9]*.py"))]


def plain(title: str) -> str:
    """A title without braces, case, TeX and punctuation."""
    return re.sub(r"[^a-z0-9]+", " ", title.replace("{", "").replace("}", "").replace("\\", "").lower()).strip()


def entries() -> dict[str, dict[str, str]]:
    found = {}
    for entry in ENTRY.finditer((ROOT / "references.bib").read_text()):
        assert entry["key"] not in found, f"{entry['key']} stands twice in references.bib"
        found[entry["key"]] = dict(FIELD.findall(entry["body"]))
    return found


def test_each_entry_is_whole_and_stands_once():
    titles = {}
    for key, fields in entries().items():
        assert {"author", "title", "year"} <= set(fields), f"{key} lacks { ({'author', 'title', 'year'} - set(fields)) }"
        title = plain(fields["title"])
        assert title not in titles, f"{key} and {titles[title]} are the same work"
        titles[title] = key


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_cited_works_are_in_the_bibliography(lesson):
    known = {plain(fields["title"]): fields for fields in entries().values()}
    text = lesson.read_text()
    assert "## References" in text
    listed = text[text.index("## References") :]
    cited = list(CITED.finditer(listed))
    lines = re.findall(r"^# - ", listed, re.M)
    assert len(cited) == len(lines), f"{len(lines) - len(cited)} references are not of the form '- Authors year, *title*. [where](address)'"
    missing = [found["title"] for found in cited if plain(found["title"]) not in known]
    assert not missing, f"references.bib lacks {missing}"
