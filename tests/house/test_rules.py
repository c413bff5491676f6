"""The rules about files, functions, faces and tests catch what they are for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import rules, tree


def planted(root: Path, name: str, text: str = "") -> Path:
    """A file under root with that text."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def function_of(lines: int) -> str:
    """Source of a function with so many lines of code, and others that are none."""
    body = "    x = 1\n" * (lines - 1)
    return f'def f():\n    """One.\n\n    Two.\n    """\n\n    # why\n{body}'


@pytest.mark.parametrize(("lines", "found"), [(599, 0), (600, 1)])
def test_long_file_is_found(tmp_path: Path, lines: int, found: int) -> None:
    """The 600th line is one too many."""
    path = planted(tmp_path, "x.py", "x = 1\n" * lines)

    assert len(rules.long_files([path])) == found


@pytest.mark.parametrize(("lines", "found"), [(79, 0), (80, 1)])
def test_long_function_is_found(tmp_path: Path, lines: int, found: int) -> None:
    """The 80th line of code is one too many; docstring and comments are none."""
    path = planted(tmp_path, "x.py", function_of(lines))

    assert len(rules.long_functions(rules.functions([path]))) == found


def test_methods_and_nested_functions_are_measured(tmp_path: Path) -> None:
    """Every function counts, wherever it is defined."""
    source = "class C:\n    async def f(self):\n        def g():\n            pass\n"
    found = rules.functions([planted(tmp_path, "x.py", source)])

    assert [f.lines for f in found] == [3, 2]


@pytest.mark.parametrize(("long", "found"), [(2, 0), (3, 3)])
def test_share_of_long_functions(long: int, found: int) -> None:
    """Two long functions in a hundred are allowed, three are all named."""
    sized = [rules.Sized("x", 51)] * long + [rules.Sized("y", 50)] * (100 - long)

    assert len(rules.long_share(sized)) == found


@pytest.mark.parametrize(("methods", "found"), [(25, 0), (26, 1)])
def test_large_class_is_found(tmp_path: Path, methods: int, found: int) -> None:
    """The 26th method is one too many."""
    body = "".join(f"    def m{n}(self): ...\n" for n in range(methods))
    path = planted(tmp_path, "x.py", f"class C:\n{body}")

    assert len(rules.large_classes([path])) == found


@pytest.mark.parametrize(
    "name", ["utils.py", "test_helpers.py", "common.py", "pool_manager.py", "util.py"]
)
def test_forbidden_name_is_found(name: str) -> None:
    """A file named after nothing in particular is named in the finding."""
    assert rules.forbidden_names([Path(name), Path("pool.py")]) == [name]


@pytest.mark.parametrize("name", ["core/queue.py", "logging/x.py"])
def test_standard_name_is_found(tmp_path: Path, name: str) -> None:
    """A module or a folder with the name of a standard module is found."""
    planted(tmp_path, f"telemetry/{name}")

    assert len(rules.stdlib_names(tmp_path)) == 1


def test_full_init_is_found(tmp_path: Path) -> None:
    """Only the faces may have something in their __init__ file."""
    for folder in ("", "runtime/", "core/"):
        planted(tmp_path, f"telemetry/{folder}__init__.py", "x = 1")

    assert rules.full_inits(tmp_path) == ["telemetry/core/__init__.py"]


def test_faces_are_those_that_exist(tmp_path: Path) -> None:
    """The list follows the tree: what is missing or empty is not in it."""
    planted(tmp_path, "telemetry/__init__.py", "x = 1")
    planted(tmp_path, "telemetry/runtime/__init__.py")
    planted(tmp_path, "telemetry/integrations/__init__.py")
    planted(tmp_path, "telemetry/integrations/asgi.py", "x = 1")
    names = [str(p.relative_to(tmp_path)) for p in rules.faces(tmp_path)]

    assert names == ["telemetry/__init__.py", "telemetry/integrations/asgi.py"]


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ("x = 1", "no literal __all__"),
        ("__all__ = ['x']", "x is not defined"),
        ("from a import x as x\n__all__ = []", "x is public"),
        ("def x(): ...\n__all__ = []", "x is public"),
        ("class X: ...\n__all__ = []", "X is public"),
        ("X: int = 1\n__all__ = []", "X is public"),
        ("from a import b as b, c as c\n__all__ = ['c', 'b']", "not sorted"),
        ("from a import b as b\n__all__ = ['b', 'b']", "not sorted"),
        ("if True:\n    from a import b as b\n__all__ = []", "b is public"),
        ("try:\n    import b as b\nexcept E:\n    c = 1\n__all__ = ['b']", "c is pub"),
    ],
)
def test_untrue_all_is_found(tmp_path: Path, source: str, finding: str) -> None:
    """Each way in which __all__ and the module can differ is one finding."""
    (found,) = rules.untrue_all(planted(tmp_path, "face.py", source))

    assert finding in found


def test_true_all_is_fine(tmp_path: Path) -> None:
    """Constants, classes, functions in this order; private names are left out."""
    source = (
        "import os\nfrom a import B as B\nfrom a import C as C, d as d, e\n"
        "_x = 1\ndef _f(): ...\n"
        "CAPS = 1\n__all__: list[str] = ['CAPS', 'B', 'C', 'd']\n"
    )

    assert rules.untrue_all(planted(tmp_path, "face.py", source)) == []


def test_test_without_docstring_is_found(tmp_path: Path) -> None:
    """Functions, coroutines and methods that are tests are looked at; others not."""
    source = (
        "def test_a(): ...\nasync def test_b(): ...\ndef fixture(): ...\n"
        "class TestC:\n    def test_d(self): ...\n"
        "def test_e():\n    '''Says something.'''\n"
    )
    found = rules.undocumented_tests([planted(tmp_path, "test_x.py", source)])

    assert [line.split()[-1] for line in found] == ["test_a", "test_b", "test_d"]


# Written in two parts, so that this file does not hold what it looks for.
@pytest.mark.parametrize("folder", ["home", "Users", "root", "work"])
def test_machine_path_is_found(tmp_path: Path, folder: str) -> None:
    """A path of a home or work folder is found wherever it stands in a line."""
    path = planted(tmp_path, "x.md", f"one\nsee `/{folder}/me/x.py`\n")

    assert len(rules.machine_paths([path])) == 1


@pytest.mark.parametrize(
    "text",
    ["https://example.org/work/x", "a/home/b", "$DIR/root/x", "~/work/x", "/etc/x"],
)
def test_other_paths_are_fine(tmp_path: Path, text: str) -> None:
    """Addresses, relative paths and paths below a variable name no machine."""
    assert rules.machine_paths([planted(tmp_path, "x.md", text)]) == []


def test_pictures_are_no_findings(tmp_path: Path) -> None:
    """A file that is no text is passed over."""
    path = tmp_path / "x.png"
    path.write_bytes(b"\x89PNG\xff\xfe")

    assert rules.machine_paths([path]) == []


def test_files_are_listed_outside_of_a_checkout(tmp_path: Path) -> None:
    """An unpacked archive has no git to ask: what lies there is looked at."""
    planted(tmp_path, "telemetry/x.py")
    planted(tmp_path, ".venv/y.py")
    names = [p.name for p in tree.repository_files(tmp_path)]

    assert names == ["x.py"]


def test_this_repository_has_files_to_look_at() -> None:
    """The rules are not kept by looking at nothing."""
    here = Path(__file__).resolve()

    assert here in tree.python_files()
    assert here in tree.repository_files()
