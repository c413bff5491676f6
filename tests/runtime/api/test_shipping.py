from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from telemetry.core.errors import InvalidError
from telemetry.runtime import App, Function, method
from telemetry.runtime.classes import pool_of
from telemetry.runtime.current import Place
from telemetry.runtime.shipping import find, reference_of
from telemetry.runtime.spec import Pickled, PoolSpec, Reference
from tests.runtime.api import subjects
from tests.runtime.api.fakes import running

MODULE = "tests.runtime.api.subjects"


def spec_of(handle: Any) -> PoolSpec:
    """The spec of its pool, in a run of its own."""
    spec: PoolSpec = handle.pool.spec(Place())
    return spec


def plain(x: int) -> int:
    """A function of this module."""
    return x + 1


def test_by_reference() -> None:
    """What stands at the top of a module is imported by containers."""
    assert spec_of(subjects.double).code == Reference(MODULE, "double")
    model: Any = subjects.Model
    assert pool_of(model()).spec(Place()).code == Reference(MODULE, "Model")
    assert find(Reference(MODULE, "double")) is subjects.double


def nested() -> Callable[[int], int]:
    """A function that has no name in its module."""

    def inner(x: int) -> int:
        return x + 2

    return inner


@pytest.mark.parametrize(
    ("body", "options"),
    [
        (nested(), {}),
        (lambda x: x, {}),
        (plain, {}),  # its name leads to the function, not to the handle
        (plain, {"serialized": True}),
    ],
)
def test_by_value(body: Any, options: dict[str, Any]) -> None:
    """Anything else travels as itself, and runs elsewhere."""
    handle = App("by-value").function(name="body", **options)(body)
    code = spec_of(handle).code

    assert isinstance(code, Pickled)
    assert pickle.loads(code.data)(1) == body(1)


def test_code_of_the_main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's main module is another one, so ours goes by value."""
    body = nested()
    body.__module__, body.__qualname__ = "__main__", "inner"
    handle = App("main").function()(body)
    monkeypatch.setattr(sys.modules["__main__"], "inner", handle, raising=False)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", "any")

    assert reference_of(body) is None


def test_serialized_by_value() -> None:
    """By value on request, also what could be imported."""
    app = App("serialized")
    module = sys.modules[__name__]
    module.shipped = app.function(serialized=True)(plain)  # type: ignore[attr-defined]  # as a decorator does
    try:
        assert isinstance(spec_of(module.shipped).code, Pickled)
    finally:
        del module.shipped


def test_what_cannot_travel() -> None:
    """Code that cannot be pickled is refused with advice."""
    generator = (number for number in range(3))

    def body() -> int:
        return next(generator)

    handle = App("travel").function()(body)
    with pytest.raises(InvalidError, match=r"'body' cannot be sent .* by value: Type"):
        spec_of(handle)


def test_pickled_once_in_a_run() -> None:
    """Shipping code by value is costly: each run does it once."""
    app = App("once")
    handle = app.function()(nested())

    with running(app) as session:
        handle.remote(1)
        handle.with_options(timeout=9).remote(1)
        handle.remote(1)

    first, variant, again = session.pools
    assert first is again
    assert first.code is variant.code


@pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
def test_handles_by_reference(dumps: Callable[[object], bytes]) -> None:
    """A handle that can be imported is itself again; a variant keeps its pool."""
    variant = subjects.double.with_options(timeout=3)
    model: Any = subjects.Model
    made = model.with_concurrency(max_inputs=3)(size="big")

    def copy(value: Any) -> Any:
        return pickle.loads(dumps(value))

    assert copy(subjects.double) is subjects.double
    assert copy(model) is model
    assert copy(variant).pool.tag == variant.pool.tag
    assert pool_of(copy(made)).tag == pool_of(made).tag
    assert copy(made.predict).label == "Model.predict"
    assert copy(made.score).method == 1
    assert b"layers" in dumps(made)


def test_app_by_name() -> None:
    """A body that mentions its app takes along the name alone."""
    assert pickle.loads(pickle.dumps(subjects.app)).name == "subjects"


def recursive(app: App) -> Function[..., Any, Any]:
    """A function that calls itself and another one, by value."""

    def other(x: int) -> int:
        return 10 * x

    def factorial(x: int) -> int:
        return 1 if x < 2 else x * handle.remote(x - 1)

    helper = app.function()(other)
    handle: Any = app.function()(factorial)
    handle.raw.helper = helper
    result: Function[..., Any, Any] = handle
    return result


def test_recursive_function() -> None:
    """A body may call its own handle: the pickle has a cycle."""
    app = App("recursive")
    handle = recursive(app)
    code = spec_of(handle).code
    assert isinstance(code, Pickled)
    shipped = pickle.loads(code.data)

    with running(app) as session:
        assert shipped(3) == 6

    assert [tag for tag, *_ in session.opened] == ["factorial"] * 2
    assert shipped.helper.pool.tag == "other"


def test_handle_with_a_cycle() -> None:
    """The same when pickling starts at the handle."""
    copy = pickle.loads(cloudpickle.dumps(recursive(App("recursive"))))

    assert copy.raw.__closure__[0].cell_contents is copy
    assert copy.pool.tag == "factorial"


def test_class_with_a_cycle() -> None:
    """A class by value may make instances of itself."""
    app = App("cycle")

    class Node:
        @method()
        def depth(self, left: int) -> int:
            made: Any = node()
            deeper: int = made.depth.remote(left - 1) if left else 0
            return 1 + deeper if left else 0

    node: Any = app.cls()(Node)
    copy = pickle.loads(cloudpickle.dumps(node))

    with running(app):
        assert node().depth.remote(2) == 2
        assert pickle.loads(cloudpickle.dumps(node().depth)).remote(1) == 1
    assert copy().depth.label == "Node.depth"


SCRIPT = """
import pickle, sys
sys.path.insert(0, sys.argv[1])
import cloudpickle
from telemetry.runtime import App
from telemetry.runtime.current import Place

app = App("script")
FACTOR = 3

@app.function()
def triple(x: int) -> int:
    return FACTOR * x

@app.function()
def twice(x: int) -> int:
    return triple.local(x) + triple.local(x)

spec = twice.pool.spec(Place())
sys.stdout.buffer.write(pickle.dumps(spec))
"""


def test_script() -> None:
    """A script's functions run elsewhere, with the globals they use."""
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(root)], capture_output=True, check=True
    )
    spec = pickle.loads(done.stdout)

    assert isinstance(spec.code, Pickled)
    assert pickle.loads(spec.code.data)(2) == 12
