"""The Python blocks of a Markdown file, and what is wrong with them."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from typing import Final

_BLOCK: Final = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def python_blocks(text: str) -> list[str]:
    """The source of each fenced block that is marked as Python."""
    return _BLOCK.findall(text)


def broken_blocks(page: Path) -> list[str]:
    """Blocks that do not compile, or import what the package does not have."""
    found: list[str] = []
    for number, source in enumerate(python_blocks(page.read_text("utf-8")), 1):
        try:
            # A page may show `await` as in a notebook.
            compile(source, "block", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        except SyntaxError as error:
            found.append(f"{page} block {number}: {error}")
        else:
            missing = missing_imports(ast.parse(source))
            found += [f"{page} block {number}: no {name}" for name in missing]
    return found


def missing_imports(tree: ast.Module) -> list[str]:
    """Names imported from the package that it does not have."""
    missing: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            wanted = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            wanted = [(node.module, alias.name) for alias in node.names]
        else:
            continue
        missing += [
            f"{module}.{name}".rstrip(".")
            for module, name in wanted
            if module.partition(".")[0] == "telemetry" and not _exists(module, name)
        ]
    return missing


def _exists(module: str, name: str) -> bool:
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError:
        return False
    return not name or hasattr(found, name)
