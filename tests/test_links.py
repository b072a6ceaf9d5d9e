"""The address of the course stands in one place, and moves from there."""

import subprocess

import pytest

import links


def test_links_move_and_names_stay():
    text = "https://github.com/a/b https://github.com/a/b.git /github/a/b/blob/main "
    text += "git@github.com:a/b https://a.github.io/b/ a/b github.com/a/bc"
    moved = "https://github.com/x/y https://github.com/x/y.git /github/x/y/blob/main "
    moved += "git@github.com:x/y https://x.github.io/y/ a/b github.com/a/bc"
    assert links.moved(text, "a/b", "x/y") == moved


def test_every_tracked_text_file_follows(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project.urls]\nRepository = "https://github.com/a/b" # here\n')
    (tmp_path / "README.md").write_text("[Colab](https://colab.research.google.com/github/a/b/blob/main/x.ipynb)\r\n", newline="")
    (tmp_path / "picture.bin").write_bytes(b"\xff\xfegithub.com/a/b")
    (tmp_path / "untracked.md").write_text("https://github.com/a/b")
    subprocess.run("git init -q . && git add pyproject.toml README.md picture.bin", shell=True, cwd=tmp_path, check=True)
    assert {path.name for path in links.move("new/home", tmp_path)} == {"pyproject.toml", "README.md"}
    assert links.current(tmp_path) == "new/home"
    assert b"github/new/home/blob/main/x.ipynb)\r\n" in (tmp_path / "README.md").read_bytes()
    assert "a/b" in (tmp_path / "untracked.md").read_text()
    assert {path.name for path in links.move("a/b", tmp_path)} == {"pyproject.toml", "README.md"}


@pytest.mark.parametrize("name", ["", "owner", "https://github.com/a/b", "a/b/c"])
def test_a_bad_name_is_refused(name):
    with pytest.raises(ValueError, match="REPO"):
        links.move(name)
