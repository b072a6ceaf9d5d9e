"""The library reference: pages written from the source's own docstrings, without importing it."""

import ast
import re
from pathlib import Path

SPECIAL = re.compile(r"([\\*_<>$\[\]|{}#])")
TITLES = {
    "data": "Data",
    "nn": "Layers",
    "losses": "Losses",
    "ot": "Optimal transport",
    "models": "Models",
    "training": "Training",
    "metrics": "Metrics",
    "viz": "Figures and widgets",
    "weights": "Trained networks",
}
DEFINITIONS = ast.FunctionDef | ast.ClassDef


def prose(text: str) -> str:
    """A docstring as Markdown: code between backticks stays, every other sign means itself, indented blocks stay as they are."""
    blocks = []
    for block in re.split(r"\n\s*\n", text):
        if block.startswith("    "):
            blocks.append(f"```text\n{block}\n```")
            continue
        pieces = re.split(r"(``?[^`]+``?)", " ".join(line.strip() for line in block.splitlines()))
        blocks.append("".join(piece if piece.startswith("`") else SPECIAL.sub(r"\\\1", piece) for piece in pieces))
    return "\n\n".join(blocks)


def public(body: list[ast.stmt]) -> list[DEFINITIONS]:
    """The functions and classes of a body that have a docstring and a name for others."""
    found = [node for node in body if isinstance(node, DEFINITIONS)]
    return [node for node in found if not node.name.startswith("_") and ast.get_docstring(node)]


def signature(node: DEFINITIONS) -> str:
    """`name(arguments) -> result` as written; a class is called as its __init__ or its fields say."""
    if isinstance(node, ast.FunctionDef):
        result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        arguments = ast.unparse(node.args)
        return f"{node.name}({re.sub(r'^(self|cls)(, |$)', '', arguments)}){result}"
    made = next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None)
    if made:
        return f"{node.name}({re.sub(r'^self(, |$)', '', ast.unparse(made.args))})"
    if any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
        fields = [ast.unparse(item) for item in node.body if isinstance(item, ast.AnnAssign)]
        return f"{node.name}({', '.join(fields)})"
    return node.name


def directive(node: DEFINITIONS, module: str, inside: str = "") -> str:
    """One function or class, with its public methods, as a Sphinx directive."""
    kind = "py:method" if inside else "py:class" if isinstance(node, ast.ClassDef) else "py:function"
    if inside and any(ast.unparse(decorator) == "property" for decorator in node.decorator_list):
        kind = "py:property"
    head = signature(node) if kind != "py:property" else node.name
    fence = ":" * (4 if inside else 6)
    parts = [f"{fence}{{{kind}}} {inside}{head}", "" if inside else f":module: {module}\n", prose(ast.get_docstring(node)), ""]
    if isinstance(node, ast.ClassDef):
        parts += [directive(method, module, f"{node.name}.") for method in public(node.body) if isinstance(method, ast.FunctionDef)]
    return "\n".join([*parts, fence, ""])


def page(path: Path, root: Path) -> str:
    """The section of one module; empty when it has nothing public."""
    tree = ast.parse(path.read_text())
    nodes = public(tree.body)
    if not nodes:
        return ""
    module = ".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__")
    lines = [f"## `{module}`", "", prose(ast.get_docstring(tree) or ""), ""]
    return "\n".join([*lines, *(directive(node, module) for node in nodes)])


def write_pages(root: Path, target: Path) -> None:
    """One page for each package below `root`, one for the modules in it, and their table of contents."""
    target.mkdir(parents=True)
    pages = {}
    for package in sorted(item for item in root.iterdir() if (item / "__init__.py").exists()):
        body = "\n\n".join(
            text
            for path in sorted(package.rglob("*.py"))
            if path.name != "__main__.py" and "recipes" not in path.parts and (text := page(path, root))
        )
        if body:
            about = prose(ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or "")
            pages[package.name] = f"# {TITLES.get(package.name, package.name.capitalize())}\n\n{about}\n\n{body}"
    pages["lessons"] = "# Claims and exercises\n\n" + "\n\n".join(page(path, root) for path in sorted(root.glob("[a-z]*.py")))
    for name, text in pages.items():
        (target / f"{name}.md").write_text(text)
    order = [name for name in (*TITLES, "lessons") if name in pages] + [name for name in pages if name not in (*TITLES, "lessons")]
    listing = "\n".join(order)
    (target / "index.md").write_text(
        "# Library\n\n`course_lib` is what the notebooks import: four verbs, *load*, *fit*, *sample*, *measure*. This reference is written "
        f"from its docstrings; [the index](genindex) lists every name.\n\n```{{toctree}}\n:maxdepth: 2\n\n{listing}\n```\n"
    )
