"""The house rules hold in this repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import graph, readme, rules, signals, tree

PAGES = [tree.ROOT / "README.md", *sorted((tree.ROOT / "docs").rglob("*.md"))]


def test_imports_only_go_down() -> None:
    """A module imports nothing from a floor above its own."""
    assert graph.upward(graph.edges(tree.ROOT)) == []


def test_no_import_cycles() -> None:
    """No module reaches itself through imports that run when it is imported."""
    assert graph.cycles(graph.edges(tree.ROOT)) == []


def test_core_and_policy_import_nothing_impure() -> None:
    """The lowest floors can do no I/O, start no thread and read no clock."""
    assert graph.impure(graph.edges(tree.ROOT)) == []


def test_core_and_policy_call_nothing_impure() -> None:
    """The lowest floors open and print nothing."""
    assert graph.impure_calls(tree.ROOT) == []


def test_files_are_not_too_long() -> None:
    """A file has fewer than 600 lines."""
    assert rules.long_files(tree.python_files()) == []


def test_functions_are_not_too_long() -> None:
    """A function has fewer than 80 lines of code."""
    assert rules.long_functions(rules.functions(tree.python_files())) == []


def test_few_functions_are_long() -> None:
    """At most two in a hundred functions of the package are over 50 lines."""
    package = [
        p for p in tree.python_files() if p.is_relative_to(tree.ROOT / "telemetry")
    ]

    assert rules.long_share(rules.functions(package)) == []


def test_classes_are_not_too_large() -> None:
    """A class has at most 25 methods."""
    assert rules.large_classes(tree.python_files()) == []


def test_no_file_is_named_after_nothing() -> None:
    """No file is called utils, helpers, common or manager."""
    assert rules.forbidden_names(tree.python_files()) == []


def test_no_module_hides_a_standard_one() -> None:
    """No module of the package has the name of one of Python's."""
    assert rules.stdlib_names(tree.ROOT) == []


def test_only_faces_have_a_full_init() -> None:
    """An __init__ file that is no face is empty."""
    assert rules.full_inits(tree.ROOT) == []


def test_faces_list_what_they_offer() -> None:
    """The __all__ of each face is sorted, and true in both directions."""
    found = [line for face in rules.faces(tree.ROOT) for line in rules.untrue_all(face)]

    assert found == []


def test_signals_use_only_known_names() -> None:
    """Dashboards and Collector files use the names of telemetry.core.names alone."""
    folders = [tree.ROOT / "dashboards", tree.ROOT / "collector"]

    assert signals.unknown_names(folders) == []


def test_no_path_of_a_machine_is_committed() -> None:
    """Nothing in the repository names a folder of somebody's machine."""
    assert rules.machine_paths(tree.repository_files()) == []


def test_every_test_says_its_claim() -> None:
    """Each test function has a docstring."""
    tests = [p for p in tree.python_files() if p.is_relative_to(tree.ROOT / "tests")]

    assert rules.undocumented_tests(tests) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_of_pages_are_true(page: Path) -> None:
    """The Python in README and docs compiles and imports what is there."""
    assert readme.broken_blocks(page) == []
