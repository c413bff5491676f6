"""The variables that ``telemetry doctor`` knows are those that are read."""

from __future__ import annotations

import ast
import re

from telemetry.capture import known_variables
from tests.house.tree import ROOT

OURS = re.compile(r"TELEMETRY_[A-Z_]+")


def read_in_the_package() -> set[str]:
    """Every name of a variable of ours that stands in the package as a text."""
    found: set[str] = set()
    for path in (ROOT / "telemetry").rglob("*.py"):
        if path.name == "known_variables.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            said = node.value if isinstance(node, ast.Constant) else None
            if isinstance(said, str) and OURS.fullmatch(said):
                found.add(said)
    return found


def test_each_variable_that_is_read_is_known() -> None:
    """A new one needs its line in `known_variables.OURS`, and one that goes, none."""
    assert set(known_variables.OURS) == read_in_the_package()
