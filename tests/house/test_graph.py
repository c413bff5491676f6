"""The rules about imports catch what they are for, in small bad trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import graph


def plant(root: Path, files: dict[str, str]) -> Path:
    """Write *files* under root, with the empty __init__ files they need."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for folder in path.relative_to(root).parents:
            if folder != Path():
                (root / folder / "__init__.py").touch()
        path.write_text(text, "utf-8")
    return root


@pytest.mark.parametrize(
    "line",
    [
        "import telemetry.runtime.app",
        "import telemetry.runtime.app as app",
        "from telemetry.runtime.app import App",
        "from telemetry.runtime import app",
        "from telemetry import runtime",
        "from ..runtime.app import App",
        "from ..runtime import app",
        "from .. import runtime",
        "def f():\n    from telemetry.runtime import app",
        "class C:\n    async def f(self):\n        import telemetry.runtime.app",
        "if TYPE_CHECKING:\n    from telemetry.runtime.app import App",
        "try:\n    import telemetry.runtime.app\nexcept ImportError:\n    pass",
        "import telemetry",
    ],
)
def test_import_that_goes_up_is_found(tmp_path: Path, line: str) -> None:
    """Every form of import counts, wherever it stands."""
    root = plant(
        tmp_path, {"telemetry/runtime/app.py": "", "telemetry/core/x.py": line}
    )

    assert len(graph.upward(graph.edges(root))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "import telemetry.core.ids",
        "from ..core import ids",
        "from . import spec",
        "from .spec import PoolSpec",
        "import json",
    ],
)
def test_import_that_goes_down_is_fine(tmp_path: Path, line: str) -> None:
    """The same floor, the floors below and other packages are allowed."""
    files = {
        "telemetry/core/ids.py": "",
        "telemetry/runtime/spec.py": "",
        "telemetry/runtime/app.py": line,
    }

    assert graph.upward(graph.edges(plant(tmp_path, files))) == []


@pytest.mark.parametrize(
    ("upper", "lower"), list(zip(graph.FLOORS[1:], graph.FLOORS, strict=False))
)
def test_next_floor_is_already_up(tmp_path: Path, upper: str, lower: str) -> None:
    """One floor up is up, for each pair of neighbours; one down is down."""
    files = {
        f"telemetry/{upper}/a.py": f"import telemetry.{lower}.b",
        f"telemetry/{lower}/b.py": f"import telemetry.{upper}.a",
    }
    found = graph.upward(graph.edges(plant(tmp_path, files)))

    assert found == [f"telemetry.{lower}.b:1 imports telemetry.{upper}.a"]


def test_the_face_may_import_any_floor(tmp_path: Path) -> None:
    """What lies beside the floors is above them."""
    root = plant(tmp_path, {"telemetry/cli/main.py": ""})
    (root / "telemetry/__init__.py").write_text("from .cli.main import x as x")

    assert graph.upward(graph.edges(root)) == []


def test_cycle_is_found(tmp_path: Path) -> None:
    """Three modules that import each other in a ring are all named."""
    files = {
        "telemetry/core/a.py": "from telemetry.core import b",
        "telemetry/core/b.py": "from .c import x",
        "telemetry/core/c.py": "import telemetry.core.a",
    }
    found = graph.cycles(graph.edges(plant(tmp_path, files)))

    assert [line.split()[0] for line in found] == [
        "telemetry.core.a",
        "telemetry.core.b",
        "telemetry.core.c",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "def f():\n    import telemetry.core.a",
        "if TYPE_CHECKING:\n    from telemetry.core.a import x",
    ],
)
def test_import_that_does_not_run_makes_no_cycle(tmp_path: Path, line: str) -> None:
    """A late import and one for the type checker do not run with the module."""
    files = {
        "telemetry/core/a.py": "import telemetry.core.b",
        "telemetry/core/b.py": line,
    }

    assert graph.cycles(graph.edges(plant(tmp_path, files))) == []


def test_else_branch_of_type_checking_runs(tmp_path: Path) -> None:
    """What stands under the else of TYPE_CHECKING counts for cycles."""
    late = "if TYPE_CHECKING:\n    x = 1\nelse:\n    import telemetry.core.a"
    files = {
        "telemetry/core/a.py": "import telemetry.core.b",
        "telemetry/core/b.py": late,
    }

    assert len(graph.cycles(graph.edges(plant(tmp_path, files)))) == 2


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "import time",
        "from time import monotonic",
        "import threading",
        "from random import random",
        "def f():\n    import socket",
        "import structlog",
        "from os.path import join",
    ],
)
@pytest.mark.parametrize("floor", ["core", "policy"])
def test_impure_import_is_found(tmp_path: Path, floor: str, line: str) -> None:
    """The pure floors import no I/O, no thread, no clock, no randomness."""
    root = plant(tmp_path, {f"telemetry/{floor}/x.py": line})

    assert len(graph.impure(graph.edges(root))) == 1


def test_impure_import_above_is_fine(tmp_path: Path) -> None:
    """The floors above do the I/O."""
    root = plant(tmp_path, {"telemetry/capture/x.py": "import os"})

    assert graph.impure(graph.edges(root)) == []


def test_only_ids_may_take_a_lock(tmp_path: Path) -> None:
    """The exception is for one module and one import."""
    lock = "import threading"
    root = plant(tmp_path, {"telemetry/core/ids.py": lock, "telemetry/core/x.py": lock})

    assert graph.impure(graph.edges(root)) == ["telemetry.core.x:1 imports threading"]


@pytest.mark.parametrize(("floor", "found"), [("policy", 1), ("runtime", 0)])
def test_impure_call_is_found(tmp_path: Path, floor: str, found: int) -> None:
    """A pure floor opens no file; the others may."""
    root = plant(tmp_path, {f"telemetry/{floor}/x.py": "def f():\n    open('x')"})

    assert len(graph.impure_calls(root)) == found
