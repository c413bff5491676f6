"""`App`: declares functions and classes, and runs them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar, Unpack, cast, dataclass_transform

from telemetry.capture.runtime_records import Record
from telemetry.core.errors import InvalidError
from telemetry.runtime import checks, options
from telemetry.runtime.checks import keywords_only
from telemetry.runtime.classes import Cls, Obj, is_async
from telemetry.runtime.declarations import is_method, lifecycle, marks_of
from telemetry.runtime.functions import Function, FunctionDecorator
from telemetry.runtime.handles import Handle
from telemetry.runtime.options import Options, PoolArguments
from telemetry.runtime.parameters import has_own_init, parameter
from telemetry.runtime.pools import Declaration, Settings, check_retries
from telemetry.runtime.run import BACKENDS, Run
from telemetry.runtime.spec import Concurrency, MethodSpec

P = ParamSpec("P")
T = TypeVar("T")

_NAME: Final = re.compile(r"[A-Za-z0-9_.<>-]{1,64}")

_RESERVED: Final = frozenset(name for name in vars(Obj) if not name.startswith("__"))
"""A method of this name could not be reached on an instance."""


class App:
    """A set of functions and classes that run together.

    Args:
        name: Letters, digits, ``-``, ``_`` and ``.``; at most 64 of them.
    """

    def __init__(self, name: str) -> None:
        _check_name("App(name)", name)
        self._name = name
        self._handles: dict[str, Function[..., Any, Any] | Cls[..., Any]] = {}

    @property
    def name(self) -> str:
        """The name of the app."""
        return self._name

    @keywords_only("app.function", bound=1)
    def function(
        self,
        *,
        name: str | None = None,
        is_generator: bool | None = None,
        serialized: bool = False,
        **given: Unpack[PoolArguments],
    ) -> FunctionDecorator:
        """Declare a function that runs in containers; outermost decorator.

        Args:
            name: Under which it is registered; None takes the function's.
            is_generator: None looks at the body.
            serialized: Send the code by value even where it could be imported.
            timeout: Seconds that one execution may take (300).
            startup_timeout: Seconds for import and enter hooks (as `timeout`).
            retries: How often an input that fails runs again: a number, with 1 s
                in between, or a `Retries` (none).
            cancel_grace: Seconds that a cancelled body has to unwind (5).
            min_containers: Kept also without demand (0).
            max_containers: Never more (the number of CPUs).
            buffer_containers: Beyond demand, while there is demand (0).
            scaledown_window: Seconds of low demand before shrinking (60).

        Raises:
            InvalidError: A value is out of range, or the body does not fit it.
            DeprecationError: A former name of Modal's.
            TypeError: It decorates a class, or an option is unknown.
        """
        chosen = options.options_with(Options(), "app.function", given)
        if name is not None:
            _check_name("name", name)

        def decorate(body: Callable[..., Any]) -> Function[..., Any, Any]:
            _check_function(body)
            marks = marks_of(body)
            settings = Settings(
                chosen, marks.concurrency or Concurrency(), marks.batching
            )
            shown = name or body.__name__
            declaration = Declaration(
                app=self._name,
                name=shown,
                raw=body,
                methods=(_method(shown, body, is_generator),),
                settings=settings,
                base=settings,
                serialized=serialized,
            )
            return self._register(declaration, Function(declaration))

        return cast("FunctionDecorator", decorate)

    @dataclass_transform(kw_only_default=True, field_specifiers=(parameter,))
    @keywords_only("app.cls", bound=1)
    def cls(
        self, *, serialized: bool = False, **given: Unpack[PoolArguments]
    ) -> Callable[[Callable[P, T]], Cls[P, T]]:
        """Declare a class whose instances are pools of containers.

        Args:
            serialized: Send the code by value even where it could be imported.
            given: As for `function`.

        Raises:
            InvalidError: A value is out of range, or the class is not well formed.
            DeprecationError: A former name of Modal's.
            TypeError: It decorates no class, or an option is unknown.
        """
        chosen = options.options_with(Options(), "app.cls", given)

        def decorate(user_class: Callable[P, T]) -> Cls[P, T]:
            _check_class(user_class)
            life = lifecycle(cast("type", user_class))
            bodies = {name: getattr(user_class, name) for name in life.methods}
            batching = [marks_of(body).batching for body in bodies.values()]
            settings = Settings(
                chosen,
                marks_of(user_class).concurrency or Concurrency(),
                batching[0] if batching else None,
            )
            declaration = Declaration(
                app=self._name,
                name=user_class.__name__,
                raw=user_class,
                methods=tuple(
                    _method(name, body, marks_of(body).is_generator)
                    for name, body in bodies.items()
                ),
                settings=settings,
                base=settings,
                is_class=True,
                serialized=serialized,
            )
            handle: Cls[P, T] = Cls(declaration)
            return self._register(declaration, handle)

        return decorate

    @keywords_only("app.run", bound=1)
    def run(
        self,
        *,
        backend: str = "local",
        on_record: Callable[[Record], None] | None = None,
        shutdown_grace: float = 30.0,
    ) -> Run[App]:
        """Run the app: ``with app.run():`` or ``async with app.run():``.

        Calls work inside the block; at its end what is left is cancelled, exit
        hooks run, and containers end. Entered in the main thread, SIGTERM leaves
        the block as ``SystemExit(143)``, unless the program handles it itself.

        Args:
            backend: Where containers run: ``local``, on this machine.
            on_record: Called with each `records.Record`, on a thread of its own.
            shutdown_grace: Most seconds that leaving may take.

        Raises:
            InvalidError: A value is out of range, or the app is running already.
        """
        if backend not in BACKENDS:
            raise InvalidError(
                f"`backend` must be one of {', '.join(map(repr, BACKENDS))}, "
                f"not {backend!r}"
            )
        if on_record is not None and not callable(on_record):
            raise InvalidError(f"`on_record` must be callable, not {on_record!r}")
        grace_s = checks.seconds("shutdown_grace", shutdown_grace, zero=True)
        pools = [
            handle.pool if isinstance(handle, Function) else handle.default_pool
            for handle in self._handles.values()
        ]
        return Run(
            self, self._name, [each for each in pools if each], on_record, grace_s
        )

    def _register(self, declaration: Declaration, handle: H) -> H:
        check_retries(declaration.name, declaration.settings, declaration.methods)
        if declaration.name in self._handles:
            raise InvalidError(
                f"app {self._name!r} has a {declaration.name!r} already; rename one, "
                "or give a function another `name=`"
            )
        self._handles[declaration.name] = handle
        return handle

    def __repr__(self) -> str:
        return f"App({self._name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        # A body that mentions its app takes along the name, not all its functions.
        return App, (self._name,)


H = TypeVar("H", bound=Function[..., Any, Any] | Cls[..., Any])


def _check_name(key: str, name: object) -> None:
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise InvalidError(
            f"`{key}` must be 1 to 64 letters, digits, '-', '_' or '.', not {name!r}"
        )


def _check_function(body: object) -> None:
    if isinstance(body, Handle):
        raise InvalidError(f"{body!r} belongs to an app already; decorate it once")
    if inspect.isclass(body):
        raise TypeError(
            f"`@app.function` is on the class {body.__name__}; use `@app.cls`"
        )
    if not inspect.isfunction(body):
        raise TypeError(
            f"`@app.function` decorates a function, not {body!r}; wrap it in a `def`"
        )
    if is_method(body) or marks_of(body).role is not None:
        raise InvalidError(
            f"`@app.function` is on the method {body.__qualname__}; put `@method()` "
            "there and `@app.cls()` on its class"
        )


def _check_class(user_class: Any) -> None:  # noqa: ANN401 - whatever was decorated
    if isinstance(user_class, Handle):
        raise InvalidError(
            f"{user_class!r} belongs to an app already; decorate it once"
        )
    if not inspect.isclass(user_class):
        raise TypeError(f"`@app.cls` decorates a class, not {user_class!r}")
    life = lifecycle(user_class)
    taken = sorted(_RESERVED.intersection((*life.methods, *life.parameters)))
    if taken:
        raise InvalidError(
            f"{user_class.__name__} has a method or parameter {taken[0]!r}, which is a "
            "verb of every instance; rename it"
        )
    if not life.parameters and has_own_init(user_class):
        needed = [
            each.name
            for each in inspect.signature(user_class).parameters.values()
            if each.default is each.empty
            and each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}
        ]
        if needed:
            raise InvalidError(
                f"`{user_class.__name__}.__init__` needs the arguments "
                f"{', '.join(needed)}; containers have none to give: declare "
                "`parameter()` attributes instead"
            )


def _method(name: str, body: object, is_generator: bool | None) -> MethodSpec:  # noqa: FBT001 - of this module
    if is_generator is None:
        is_generator = inspect.isgeneratorfunction(body) or inspect.isasyncgenfunction(
            body
        )
    return MethodSpec(name, is_async(body), is_generator)
