"""Code that cannot be imported travels by value: scripts, nested, lambdas."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from telemetry.runtime import (
    App,
    enter,
    method,
)
from tests.runtime.semantics.apps import slots

ROOT = Path(slots.__file__).parents[4]

SCRIPT: Final = """
from telemetry.runtime import App, concurrent, enter, method, parameter

app = App("main")
FACTOR = 3

class Odd(Exception):
    pass

@app.function(max_containers=1)
def triple(number):
    if number % 2:
        raise Odd(number)
    return FACTOR * number

@app.function(max_containers=1)
@concurrent(max_inputs=2)
async def triple_aio(number):
    return FACTOR * number

@app.function(max_containers=1)
def nested(number):
    return triple.remote(number) + 1

@app.cls(max_containers=1)
class Model:
    offset: int = parameter(default=1)

    @enter()
    def load(self):
        self.loaded = 10

    @method()
    def add(self, number):
        return self.loaded + self.offset + number

if __name__ == "__main__":
    with app.run():
        print(triple.remote(2), triple_aio.remote(2), nested.remote(2))
        print(Model(offset=5).add.remote(1), list(triple.map([0, 2, 4])))
        try:
            triple.remote(1)
        except Odd as error:
            print("own type", error)
"""


def test_a_script_runs_its_own_functions(tmp_path: Path) -> None:
    """Functions, classes, globals and exceptions of `__main__` all work."""
    script = tmp_path / "program.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout.split("\n") == [
        "6 6 7",
        "16 [0, 6, 12]",
        "own type 1",
        "",
    ]


def test_an_unguarded_script_is_refused_and_not_repeated(tmp_path: Path) -> None:
    """Without `if __name__`, containers of a module do not start the app again."""
    (tmp_path / "unguarded.py").write_text(
        "from telemetry.runtime import App\n"
        "app = App('unguarded')\n"
        "@app.function(max_containers=1)\n"
        "def one():\n    return 1\n"
        "with app.run():\n    print(one.remote())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", "import unguarded"],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )

    assert done.returncode == 1
    assert "cannot be run inside a container" in done.stderr


def test_a_nested_function_travels_with_what_it_closes_over() -> None:
    """A function that a test defines can be run."""
    app, base = App("by-value"), 40

    @app.function(max_containers=1)
    def add(number: int) -> int:
        return base + number

    with app.run():
        assert add.remote(2) == 42


def test_a_nested_class_travels() -> None:
    """With its hooks."""
    app = App("by-value")

    @app.cls(max_containers=1)
    class Model:
        @enter()
        def load(self) -> None:
            self.base = 40

        @method()
        def add(self, number: int) -> int:
            return self.base + number

    with app.run():
        assert Model().add.remote(2) == 42


def test_a_lambda_travels() -> None:
    """As a function of the app, under the name that it is given."""
    app = App("by-value")
    double = app.function(name="double", max_containers=1)(lambda number: 2 * number)

    with app.run():
        assert double.remote(21) == 42


def test_a_lambda_is_an_argument_and_a_result() -> None:
    """What plain pickle refuses, arguments and results may be."""
    app = App("by-value")

    @app.function(max_containers=1)
    def compose(outer: Callable[[int], int]) -> Callable[[int], int]:
        return lambda number: outer(number) + 1

    with app.run():
        assert compose.remote(lambda number: 10 * number)(4) == 41
