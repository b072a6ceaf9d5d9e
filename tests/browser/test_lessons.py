"""Each lesson in a real JupyterLab: it runs at smoke size, and every control of every widget changes its picture, by keyboard alone."""

from pathlib import Path

import nbformat
import pytest

import build_notebooks

ROOT = Path(__file__).parents[2]
LESSONS = [ROOT / "lessons" / "template.py", *sorted((ROOT / "lessons").glob("[0-9]*.py"))]
READY = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
RUN = """() => { window.finished = false;
  window.jupyterapp.commands.execute('notebook:run-all-cells').finally(() => { window.finished = true; }); }"""
CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets.filter(c => c.model.type === 'code').map(c => ({
  ran: c.model.executionCount !== null, source: c.model.sharedModel.source,
  errors: c.model.outputs.toJSON().filter(o => o.output_type === 'error').map(o => o.ename + ': ' + o.evalue) }))"""
EXPLORER = ".widget-vbox:has(> .widget-html img)"
CONTROLS = (
    ".noUi-handle, select, input[type=checkbox], .widget-toggle-buttons button:not(.mod-active), .widget-radio-box input:not(:checked)"
)


def changed(page, image, before: str, patience: int = 60) -> bool:
    """Whether the picture becomes another within some seconds."""
    for _ in range(patience):
        if image.get_attribute("src") != before:
            return True
        page.wait_for_timeout(100)
    return False


def move(page, explorer, control) -> str | None:
    """Moves one control by keys; returns what is wrong, or None when the picture followed."""
    image = explorer.locator("> .widget-html img")
    before, control_is = image.get_attribute("src"), control.evaluate("node => node.matches('.noUi-handle') ? 'slider' : node.localName")
    control.focus()
    keys = {"slider": ("ArrowRight", "ArrowLeft", "End", "Home"), "input": ("Space",), "button": ("Enter",)}
    keys["select"] = ("Alt+ArrowDown ArrowDown Enter", "Alt+ArrowDown ArrowUp Enter")  # a bare arrow selects the next cell in JupyterLab
    for key in keys[control_is]:
        for stroke in key.split():
            page.keyboard.press(stroke)
        if changed(page, image, before):
            return None
    label = control.evaluate("node => node.closest('.jupyter-widgets')?.innerText ?? ''")
    return f"the {control_is} {label!r} does not change its picture"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_lesson_runs_and_its_widgets_move(lesson, jupyterlab, page, tmp_path_factory):
    address, folder = jupyterlab
    notebook = build_notebooks.compose(lesson)
    nbformat.write(notebook, folder / f"{lesson.stem}.ipynb")
    page.goto(f"{address}/lab/tree/{lesson.stem}.ipynb?reset")
    page.wait_for_function(READY, timeout=90_000)
    page.evaluate(RUN)
    page.wait_for_function("window.finished", timeout=180_000)

    cells = page.evaluate(CELLS)
    assert not [cell for cell in cells if cell["errors"]]
    assert all(cell["ran"] for cell in cells), "run all stopped before the end"

    pictures = page.locator(".jp-RenderedImage img").count()
    words = page.locator("details.figure-in-words").all_text_contents()
    assert len(words) == pictures, "each figure is followed by its description"
    explorers = page.locator(EXPLORER)
    expected = sum(cell.source.startswith("explore(") or "\nexplore(" in cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert explorers.count() == expected, "each explore(...) shows its picture"
    faults = []
    for explorer in explorers.all():
        alt = explorer.locator("> .widget-html img").get_attribute("alt")
        assert len(alt.split()) >= 4
        controls = explorer.locator(CONTROLS)
        assert controls.count(), "a widget has something to move"
        faults += [fault for control in controls.all() if (fault := move(page, explorer, control))]
        labels = explorer.locator(".widget-label, .widget-checkbox").all_inner_texts()
        assert len([label for label in labels if label.strip()]) >= explorer.locator("> .jupyter-widgets").count() - 1
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    assert not faults
    assert not page.faults
