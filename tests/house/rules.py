"""The house rules about files, functions, faces and tests; each returns findings.

A finding is one line that says where and what. An empty list is a kept rule.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAX_FILE_LINES: Final = 599
MAX_FUNCTION_LINES: Final = 79
LONG_FUNCTION_LINES: Final = 50
MAX_LONG_SHARE: Final = 0.02
MAX_METHODS: Final = 25

FORBIDDEN_STEMS: Final = frozenset(
    {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
)

FACE_PATTERNS: Final = (
    "telemetry/__init__.py",
    "telemetry/runtime/__init__.py",
    "telemetry/testing.py",
    "telemetry/integrations/*.py",
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Sized:
    """A function, and its lines of code: no docstring, blank line or comment."""

    where: str
    lines: int


def long_files(files: list[Path]) -> list[str]:
    """Files with more lines than a file may have."""
    return [
        f"{path} has {lines} lines"
        for path in files
        if (lines := len(path.read_text("utf-8").splitlines())) > MAX_FILE_LINES
    ]


def functions(files: list[Path]) -> list[Sized]:
    """Every function and method, the nested ones too, with its size."""
    return [
        Sized(f"{path}:{node.lineno} {node.name}", _code_lines(node, source))
        for path in files
        for source in [path.read_text("utf-8")]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, Function)
    ]


def _code_lines(node: Function, source: str) -> int:
    docstring: range = range(0)
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is not None:
        docstring = range(first.lineno, (first.end_lineno or first.lineno) + 1)
    lines = source.splitlines()
    return sum(
        number not in docstring and not lines[number - 1].lstrip().startswith("#")
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        if lines[number - 1].strip()
    )


def long_functions(found: list[Sized]) -> list[str]:
    """Functions with more lines of code than a function may have."""
    return [
        f"{f.where}: {f.lines} lines" for f in found if f.lines > MAX_FUNCTION_LINES
    ]


def long_share(found: list[Sized]) -> list[str]:
    """The functions over 50 lines, if they are too many of all; else nothing."""
    long = [f.where for f in found if f.lines > LONG_FUNCTION_LINES]
    return long if len(long) > MAX_LONG_SHARE * len(found) else []


def large_classes(files: list[Path]) -> list[str]:
    """Classes with more methods than a class may have."""
    return [
        f"{path}:{node.lineno} {node.name} has {methods} methods"
        for path in files
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
        if (methods := sum(isinstance(n, Function) for n in node.body)) > MAX_METHODS
    ]


def forbidden_names(files: list[Path]) -> list[str]:
    """Files named after nothing in particular."""
    return [str(p) for p in files if FORBIDDEN_STEMS & set(p.stem.split("_"))]


def stdlib_names(root: Path) -> list[str]:
    """Modules and folders of the package with the name of a standard module."""
    return [
        str(path.relative_to(root))
        for path in sorted((root / "telemetry").rglob("*"))
        if path.suffix == ".py" or path.is_dir()
        if path.stem in sys.stdlib_module_names
    ]


def faces(root: Path) -> list[Path]:
    """The public modules that exist, as the tree has them today.

    An ``__init__`` file that is empty is no face yet.
    """
    return [
        path
        for pattern in FACE_PATTERNS
        for path in sorted(root.glob(pattern))
        if path.read_text("utf-8").strip()
    ]


def full_inits(root: Path) -> list[str]:
    """``__init__`` files with something in them that are not faces."""
    allowed = {root / p for p in FACE_PATTERNS if p.endswith("__init__.py")}
    return [
        str(path.relative_to(root))
        for path in sorted((root / "telemetry").rglob("__init__.py"))
        if path not in allowed and path.read_text("utf-8").strip()
    ]


def untrue_all(face: Path) -> list[str]:
    """Where the ``__all__`` of a face and what it defines differ."""
    tree = ast.parse(face.read_text("utf-8"))
    listed = _literal_all(tree)
    if listed is None:
        return [f"{face} has no literal __all__"]
    bound, public = _names(tree)
    found = [f"{face}: {name} is not defined" for name in listed if name not in bound]
    found += [
        f"{face}: {name} is public and not in __all__"
        for name in sorted(public - set(listed))
    ]
    if listed != sorted(set(listed), key=_order):
        found.append(f"{face}: __all__ is not sorted: {listed}")
    return found


def _order(name: str) -> tuple[int, str]:
    # As ruff's RUF022 and isort sort: constants, then classes, then the rest.
    if name.isupper() and len(name) > 1:
        return 0, name
    return (1 if name[:1].isupper() else 2), name


def _literal_all(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
            value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            return list(ast.literal_eval(value)) if value is not None else None
    return None


def _names(tree: ast.Module) -> tuple[set[str], set[str]]:
    """Names that a module binds, and those of them that it means for others.

    An import without ``as`` is for the module's own use.
    """
    bound: set[str] = set()
    public: set[str] = set()
    for node in _top_level(tree.body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {a.asname or a.name for a in node.names}
            public |= {a.name for a in node.names if a.asname == a.name}
        elif isinstance(node, Function | ast.ClassDef):
            bound.add(node.name)
            public.add(node.name)
        else:
            stored = {
                n.id
                for n in ast.walk(node)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            }
            bound |= stored
            public |= stored
    return bound, {name for name in public if not name.startswith("_")}


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If | ast.Try):
            inner = [*node.body, *node.orelse]
            if isinstance(node, ast.Try):
                inner += [n for h in node.handlers for n in h.body] + node.finalbody
            yield from _top_level(inner)
        else:
            yield node


def undocumented_tests(files: list[Path]) -> list[str]:
    """Test functions without a docstring that says their claim."""
    return [
        f"{path}:{node.lineno} {node.name}"
        for path in files
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, Function) and node.name.startswith("test_")
        if not ast.get_docstring(node)
    ]


_MACHINE_PATH: Final = re.compile(
    r"(?<![\w.:/$}~-])/(?:home|Users|root|work|farm|tmp/bash_jobs)/[\w.]"
)


def machine_paths(files: list[Path]) -> list[str]:
    """Lines that hold the path of somebody's home or work folder."""
    found: list[str] = []
    for path in files:
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:  # a picture holds no path that matters
            continue
        found += [
            f"{path}:{number}: {line.strip()[:80]}"
            for number, line in enumerate(text.splitlines(), 1)
            if _MACHINE_PATH.search(line)
        ]
    return found
