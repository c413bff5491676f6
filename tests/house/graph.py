"""The import graph of the package, read from source, and the rules about it.

A module is its dotted name. Nothing is imported to find out what imports what, so
a module whose package is not installed is looked at all the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PACKAGE: Final = "telemetry"

FLOORS: Final = (
    "core",
    "policy",
    "capture",
    "pipeline",
    "runtime",
    "integrations",
    "view",
    "cli",
)
"""From the ground up. What lies beside them (the face, testing) is above them all."""

PURE_FLOORS: Final = ("core", "policy")

PURE_MODULES: Final = frozenset(
    {
        *("__future__", "abc", "bisect", "collections", "contextvars", "copy"),
        *("dataclasses", "decimal", "enum", "fractions", "functools", "hashlib"),
        *("heapq", "itertools", "keyword", "math", "numbers", "operator", "re"),
        *("statistics", "string", "struct", "textwrap", "types", "typing"),
    }
)
"""Standard modules with no I/O, thread, clock or randomness: what policy may use."""

PURE_EXCEPTIONS: Final = frozenset({("telemetry.core.ids", "threading")})
"""A lock around the counter of ids; it starts no thread."""

IMPURE_CALLS: Final = frozenset({"open", "print", "input", "breakpoint"})


@dataclass(frozen=True, slots=True)
class Edge:
    """One import: *by* imports *to* at *line*.

    Attributes:
        to: A module of the package, or the dotted name of something outside.
        at_import: It runs when *by* is imported: not in a function, and not for
            the type checker alone.
    """

    by: str
    to: str
    line: int
    at_import: bool

    def __str__(self) -> str:
        return f"{self.by}:{self.line} imports {self.to}"


def modules(root: Path) -> dict[str, Path]:
    """Every module of the package under *root*, by dotted name."""
    found: dict[str, Path] = {}
    for path in sorted((root / PACKAGE).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def edges(root: Path) -> list[Edge]:
    """Every import in the package: absolute, relative, nested, type-only."""
    known = modules(root)
    found: list[Edge] = []
    for name, path in known.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        tree = ast.parse(path.read_text("utf-8"))
        for node, at_import in _imports(tree, at_import=True):
            found += [
                Edge(name, target, node.lineno, at_import)
                for target in _targets(node, package, frozenset(known))
            ]
    return found


def _imports(
    node: ast.AST, *, at_import: bool
) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node, at_import
    elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        for child in node.body:
            yield from _imports(child, at_import=False)
        for child in node.orelse:
            yield from _imports(child, at_import=at_import)
    else:
        functions = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
        inner = at_import and not isinstance(node, functions)
        for each in ast.iter_child_nodes(node):
            yield from _imports(each, at_import=inner)


def _targets(
    node: ast.Import | ast.ImportFrom, package: str, known: frozenset[str]
) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        parts = package.split(".")
        above = ".".join(parts[: len(parts) - node.level + 1])
        base = f"{above}.{base}".rstrip(".")
    # `from package import module` imports the module; anything else, the base.
    return list(
        dict.fromkeys(
            f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base
            for alias in node.names
        )
    )


def is_ours(module: str) -> bool:
    """Whether *module* belongs to the package."""
    return module == PACKAGE or module.startswith(PACKAGE + ".")


def floor(module: str) -> int:
    """Number of the floor on which *module* lives, from 0."""
    parts = module.split(".")
    return FLOORS.index(parts[1]) if parts[1:2] and parts[1] in FLOORS else len(FLOORS)


def upward(found: list[Edge]) -> list[str]:
    """The imports that go up."""
    return [str(e) for e in found if is_ours(e.to) and floor(e.to) > floor(e.by)]


def impure(found: list[Edge]) -> list[str]:
    """What the pure floors import beyond each other and pure standard modules."""
    return [
        str(e)
        for e in found
        if floor(e.by) < len(PURE_FLOORS)
        and not is_ours(e.to)
        and e.to.partition(".")[0] not in PURE_MODULES
        and (e.by, e.to) not in PURE_EXCEPTIONS
    ]


def impure_calls(root: Path) -> list[str]:
    """Where the pure floors call a builtin that does I/O."""
    return [
        f"{name}:{node.lineno} calls {node.func.id}"
        for name, path in modules(root).items()
        if floor(name) < len(PURE_FLOORS)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in IMPURE_CALLS
    ]


def cycles(found: list[Edge]) -> list[str]:
    """Modules that reach themselves through imports that run when imported."""
    graph: dict[str, set[str]] = {}
    for e in found:
        if e.at_import and is_ours(e.to):
            graph.setdefault(e.by, set()).add(e.to)
    return [
        f"{start} reaches itself through {sorted(reached)}"
        for start in sorted(graph)
        if start in (reached := _reachable(graph, start))
    ]


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    ahead = list(graph[start])
    while ahead:
        module = ahead.pop()
        if module not in reached:
            reached.add(module)
            ahead += graph.get(module, ())
    return reached
