"""The decorators beneath ``app.function`` and ``app.cls``: they mark, and check.

Each returns what it was given. A method stays the user's own function, so that
``self.other(x)`` is a plain call inside a container.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Literal,
    Protocol,
    TypeVar,
    cast,
    overload,
)

from telemetry.core.errors import InvalidError
from telemetry.runtime import options, parameters
from telemetry.runtime.checks import keywords_only
from telemetry.runtime.handles import Handle
from telemetry.runtime.parameters import instantiate as instantiate  # noqa: PLC0414
from telemetry.runtime.spec import Batching, Cancellation, Concurrency

if TYPE_CHECKING:
    from telemetry.runtime.callees import Callee

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

Role = Literal["method", "enter", "exit"]

_MARKS: Final = "__telemetry_marks__"


@dataclass(frozen=True, slots=True)
class Marks:
    """What the decorators said about a function or class."""

    role: Role | None = None
    is_generator: bool | None = None
    concurrency: Concurrency | None = None
    batching: Batching | None = None


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What a container has to know about a user's class.

    Attributes:
        enter: Names of the hooks to run before it is ready, in order.
        exit: Names of the hooks to run when it ends, in order.
        methods: Names of the methods that can be called, in order.
        parameters: Type and default of each parameter, by name; the default is
            `parameters.REQUIRED` where there is none.
    """

    enter: tuple[str, ...]
    exit: tuple[str, ...]
    methods: tuple[str, ...]
    parameters: Mapping[str, tuple[type, object]]


class BatchedDecorator(Protocol):
    """Types a batched body by its members: each results in one of the list."""

    @overload
    def __call__(
        self, body: Callable[..., Coroutine[Any, Any, list[T]]], /
    ) -> Callee[..., T, Coroutine[Any, Any, list[T]]]: ...
    @overload
    def __call__(self, body: Callable[..., list[T]], /) -> Callee[..., T, list[T]]: ...


@keywords_only("concurrent")
def concurrent(
    *,
    max_inputs: int,
    target_inputs: int | None = None,
    cancellation: Cancellation = "container",
) -> Callable[[T], T]:
    """Let each container run many inputs at once.

    Stands beneath ``@app.function()`` or ``@app.cls()``.

    Args:
        max_inputs: The limit of one container.
        target_inputs: What the autoscaler aims at; up to the limit is a burst.
            None means the limit.
        cancellation: What a cancelled sync input takes along: its ``container``,
            whose other inputs are rescheduled, or only the ``input``.

    Raises:
        InvalidError: A value is out of range, or it decorates a method, or what
            is decorated already.
    """
    marked = options.concurrency(max_inputs, target_inputs, cancellation)

    def decorate(target: T) -> T:
        _check_order("concurrent", target)
        if is_method(target) or marks_of(target).role is not None:
            raise InvalidError(
                f"`@concurrent` is on the method {_name(target)}; decorate the class: "
                "all methods of a container share its slots"
            )
        if own_marks(target).concurrency is not None:
            raise InvalidError(f"`@concurrent` is on {_name(target)} twice; keep one")
        _mark(target, replace(own_marks(target), concurrency=marked))
        return target

    return decorate


@keywords_only("batched")
def batched(*, max_batch_size: int, wait_ms: int) -> BatchedDecorator:
    """Gather inputs: the body takes a list per parameter and returns a list.

    Args:
        max_batch_size: Most inputs of a batch, 1 to 1000.
        wait_ms: How long a batch waits for more, 0 to 600,000 milliseconds.

    Raises:
        InvalidError: A value is out of range, or the body cannot be batched.
    """
    marked = options.batching(max_batch_size, wait_ms)

    def decorate(body: F) -> F:
        _check_order("batched", body)
        check_batchable(body, skip_self=is_method(body))
        marks = own_marks(body)
        if marks.batching is not None:
            raise InvalidError(f"`@batched` is on {_name(body)} twice; keep one")
        if marks.role in {"enter", "exit"}:
            raise InvalidError(
                f"{_name(body)} is an `@{marks.role}()` hook and cannot be batched"
            )
        role: Role | None = "method" if is_method(body) else None
        _mark(body, replace(marks, batching=marked, role=marks.role or role))
        return body

    return cast("BatchedDecorator", decorate)


@keywords_only("enter")
def enter() -> Callable[[F], F]:
    """Run a method before the container takes inputs; sync or async."""
    return _hook("enter")


@keywords_only("exit")
def exit() -> Callable[[F], F]:  # noqa: A001 - Modal's name
    """Run a method after the container's last input has ended; sync or async."""
    return _hook("exit")


def mark_method(body: F, is_generator: bool | None) -> F:  # noqa: FBT001 - private face
    """What ``@method()`` does to a function.

    Raises:
        InvalidError: It is not a function, or a hook already, or decorated twice.
    """
    _check_order("method", body)
    _check_role("method", body)
    marks = own_marks(body)
    if marks.role == "method" and marks.batching is None:
        raise InvalidError(f"`@method()` is on {_name(body)} twice; keep one")
    _mark(body, replace(marks, role="method", is_generator=is_generator))
    return body


def lifecycle(user_class: type) -> Lifecycle:
    """The hooks, methods and parameters of a class, base classes first.

    What counts is the attribute that an instance has: an override without the
    decorator is a plain method again.

    Raises:
        InvalidError: A hook takes arguments, a batched method is not alone, or a
            parameter is not well declared.
    """
    names: dict[Role, list[str]] = {"enter": [], "exit": [], "method": []}
    seen: set[str] = set()
    for klass in reversed(user_class.__mro__):
        for name in klass.__dict__:
            body = inspect.getattr_static(user_class, name)
            role = marks_of(body).role if inspect.isfunction(body) else None
            if role is not None and name not in seen:
                seen.add(name)
                names[role].append(name)
    for name in (*names["enter"], *names["exit"]):
        _check_hook(inspect.getattr_static(user_class, name))
    _check_batched_alone(user_class, names["method"])
    known = parameters.declared(user_class)
    return Lifecycle(
        tuple(names["enter"]),
        tuple(names["exit"]),
        tuple(names["method"]),
        {name: (rule.type, rule.default) for name, rule in known.items()},
    )


def check_batchable(body: Callable[..., Any], *, skip_self: bool) -> None:
    """Refuse a body that cannot take one list per parameter.

    Raises:
        InvalidError: It is a generator, or has defaults or variable arguments.
    """
    if not inspect.isfunction(body):
        raise InvalidError(f"`@batched` decorates a function, not {body!r}")
    if inspect.isgeneratorfunction(body) or inspect.isasyncgenfunction(body):
        raise InvalidError(
            f"{_name(body)} is a generator and cannot be batched; return a list"
        )
    taken = list(inspect.signature(body).parameters.values())[int(skip_self) :]
    for each in taken:
        if each.kind in {each.VAR_POSITIONAL, each.VAR_KEYWORD}:
            raise InvalidError(
                f"the batched {_name(body)} takes `{each}`; name each parameter, "
                "since each becomes a list"
            )
        if each.default is not each.empty:
            raise InvalidError(
                f"the batched {_name(body)} has a default for `{each.name}`; remove "
                "it: members of a batch must agree on what they give"
            )
    if not taken:
        raise InvalidError(
            f"the batched {_name(body)} takes no argument; it needs at least one list"
        )


def marks_of(target: object) -> Marks:
    """What was said about it; a class inherits what was said about its base."""
    found = getattr(target, _MARKS, None)
    return found if isinstance(found, Marks) else Marks()


def own_marks(target: object) -> Marks:
    """What was said about this very function or class."""
    found = getattr(target, "__dict__", {}).get(_MARKS)
    return found if isinstance(found, Marks) else Marks()


def is_method(target: object) -> bool:
    """Whether it is a function that is defined in the body of a class."""
    if not inspect.isfunction(target):
        return False
    parent = target.__qualname__.rpartition(".")[0]
    return bool(parent) and not parent.endswith("<locals>")


def _hook(role: Literal["enter", "exit"]) -> Callable[[F], F]:
    def decorate(body: F) -> F:
        _check_order(role, body)
        _check_role(role, body)
        if inspect.isgeneratorfunction(body) or inspect.isasyncgenfunction(body):
            raise InvalidError(f"the `@{role}()` hook {_name(body)} is a generator")
        _mark(body, replace(own_marks(body), role=role))
        return body

    return decorate


def _check_order(decorator: str, target: object) -> None:
    if isinstance(target, Handle):
        raise InvalidError(
            f"`@{decorator}` stands above `@app.function` or `@app.cls` on "
            f"{_name(target.raw)}; put it beneath"
        )


def _check_role(role: Role, body: object) -> None:
    if not inspect.isfunction(body):
        raise InvalidError(f"`@{role}()` decorates a method, not {body!r}")
    marks = own_marks(body)
    if marks.concurrency is not None:
        raise InvalidError(
            f"`@concurrent` is on the method {_name(body)}; decorate the class"
        )
    taken = marks.role
    if taken is not None and not (taken == role == "method"):
        raise InvalidError(
            f"{_name(body)} is marked `@{taken}()` and `@{role}()`; keep one"
        )


def _check_hook(body: Callable[..., Any]) -> None:
    needed = [
        each.name
        for each in list(inspect.signature(body).parameters.values())[1:]
        if each.default is each.empty
        and each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}
    ]
    if needed:
        raise InvalidError(
            f"the hook {_name(body)} needs the arguments {', '.join(needed)}; "
            "hooks are called with `self` alone"
        )


def _check_batched_alone(user_class: type, methods: list[str]) -> None:
    bodies = [inspect.getattr_static(user_class, name) for name in methods]
    if len(methods) > 1 and any(marks_of(body).batching for body in bodies):
        raise InvalidError(
            f"{user_class.__name__} has a `@batched` method beside others "
            f"({', '.join(methods)}); give it a class of its own"
        )


def _mark(target: object, marks: Marks) -> None:
    try:
        setattr(target, _MARKS, marks)
    except (AttributeError, TypeError):
        raise InvalidError(
            f"{target!r} cannot be decorated: no function or class"
        ) from None


def _name(target: object) -> str:
    name: str = getattr(target, "__qualname__", repr(target))
    return name.rpartition("<locals>.")[2]
