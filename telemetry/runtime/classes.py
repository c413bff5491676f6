"""``@app.cls`` and ``@method``: classes whose instances are pools of containers."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from typing import (
    Any,
    Concatenate,
    Generic,
    NoReturn,
    ParamSpec,
    Protocol,
    TypeVar,
    Unpack,
    cast,
    overload,
)

from telemetry.core.errors import InvalidError
from telemetry.runtime import parameters
from telemetry.runtime.callees import Callee
from telemetry.runtime.checks import keywords_only
from telemetry.runtime.declarations import check_batchable, mark_method
from telemetry.runtime.functions import restore
from telemetry.runtime.handles import Handle
from telemetry.runtime.instances import LocalInstance
from telemetry.runtime.options import PoolArguments, ScalingArguments
from telemetry.runtime.pools import Declaration, Pool, Settings
from telemetry.runtime.session import FunctionStats
from telemetry.runtime.shipping import reference_of
from telemetry.runtime.spec import Cancellation
from telemetry.runtime.verbs import verb

P = ParamSpec("P")
R = TypeVar("R")
O = TypeVar("O")  # noqa: E741 - P, R, O: parameters, result, what the body returns
T = TypeVar("T")


class Cls(Handle, Generic[P, T]):
    """A class of an app; call it with its parameters for an `Obj`."""

    def __init__(self, declaration: Declaration) -> None:
        self._declaration = declaration

    @property
    def raw(self) -> type[T]:
        """The user's own class."""
        return cast("type[T]", self._declaration.raw)

    @property
    def declaration(self) -> Declaration:
        """The class as it was declared, or this variant of it."""
        return self._declaration

    @property
    def settings(self) -> Settings:
        """What a variant of it may change."""
        return self._declaration.settings

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> T:
        """An instance with these parameters; typed as the user's own class.

        Raises:
            InvalidError: A parameter is missing, or given by position.
            TypeError: A parameter is unknown, or its value of the wrong type.
        """
        known = parameters.declared(self.raw)
        values = parameters.bind(self._declaration.name, known, args, kwargs)
        return cast("T", Obj(self, values))

    @property
    def default_pool(self) -> Pool | None:
        """The pool of an instance without arguments; None if it needs some."""
        rules = parameters.declared(self.raw)
        values = {key: rule.default for key, rule in rules.items()}
        if parameters.REQUIRED in values.values():
            return None
        return Pool(self._declaration, values, values)

    @keywords_only("with_options", bound=1)
    def with_options(self, **given: Unpack[PoolArguments]) -> Cls[P, T]:
        """The same class with other options, in pools of its own."""
        return self.variant(self.settings.with_options("with_options", given))

    @keywords_only("with_concurrency", bound=1)
    def with_concurrency(
        self,
        *,
        max_inputs: int,
        target_inputs: int | None = None,
        cancellation: Cancellation | None = None,
    ) -> Cls[P, T]:
        """The same class with another concurrency, in pools of its own.

        Args:
            cancellation: None keeps what the class has.
        """
        return self.variant(
            self.settings.with_concurrency(max_inputs, target_inputs, cancellation)
        )

    @keywords_only("with_batching", bound=1)
    def with_batching(self, *, max_batch_size: int, wait_ms: int) -> Cls[P, T]:
        """The same class with another batching, in pools of its own.

        Raises:
            InvalidError: The class has other methods beside the one.
        """
        settings = self.settings.with_batching(max_batch_size, wait_ms)
        names = [each.name for each in self._declaration.methods]
        if len(names) != 1:
            raise InvalidError(
                f"{self._declaration.name} has the methods {', '.join(names) or 'none'}"
                "; `with_batching` needs a class with exactly one"
            )
        check_batchable(getattr(self.raw, names[0]), skip_self=True)
        return self.variant(settings)

    def variant(self, settings: Settings) -> Cls[P, T]:
        """The same class under these settings."""
        return Cls(self._declaration.variant(settings))

    def __getattr__(self, name: str) -> NoReturn:
        # Only for what is not found. Never through self here: while it is being
        # unpickled, there is no declaration yet.
        declaration = self.__dict__.get("_declaration")
        if declaration is None:
            raise AttributeError(name)
        methods = {each.name for each in declaration.methods}
        if name in methods or name in {"update_autoscaler", "get_current_stats"}:
            raise AttributeError(
                f"{declaration.name}.{name} belongs to an instance; call the class "
                f"first: `{declaration.name}(...).{name}`"
            )
        raise AttributeError(f"class {declaration.name!r} has no attribute {name!r}")

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        # A class that is derived from the decorated one is derived from the user's.
        return (self.raw,)

    def __repr__(self) -> str:
        return f"<Cls {self._declaration.name}>"

    def __reduce_ex__(self, protocol: Any) -> Any:  # noqa: ANN401 - object's signature
        declaration = self._declaration
        reference = None if declaration.serialized else reference_of(declaration.raw)
        if reference is not None:
            return restore, (reference, declaration.settings)
        return super().__reduce_ex__(protocol)


class Obj:
    """An instance of an `@app.cls` class; its methods have the verbs.

    Equal parameters mean the same pool of containers. Pickles as its class and
    its parameters.
    """

    def __init__(self, cls: Cls[..., Any], values: Mapping[str, object]) -> None:
        self._cls = cls
        self._values = dict(values)
        self._pool_found: Pool | None = None
        self._local = LocalInstance()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a method or a parameter
        cls: Cls[..., Any] | None = self.__dict__.get("_cls")
        if cls is None:
            raise AttributeError(name)
        for index, each in enumerate(cls.declaration.methods):
            if each.name == name:
                return Method(self, index)
        if name in self._values:
            return self._values[name]
        hint = ""
        if callable(getattr(cls.raw, name, None)):
            hint = "; mark it `@method()` to call it from outside"
        raise AttributeError(
            f"{cls.declaration.name!r} has no method or parameter {name!r}{hint}"
        )

    async def _update_autoscaler_aio(self, **given: Unpack[ScalingArguments]) -> None:
        await asyncio.to_thread(pool_of(self).update_scaling, given)

    @verb(_update_autoscaler_aio)
    def update_autoscaler(self, **given: Unpack[ScalingArguments]) -> None:
        """Change the autoscaler's settings while the app runs."""
        pool_of(self).update_scaling(given)

    async def _get_current_stats_aio(self) -> FunctionStats:
        return await asyncio.to_thread(pool_of(self).stats)

    @verb(_get_current_stats_aio)
    def get_current_stats(self) -> FunctionStats:
        """How many inputs wait and run now, and in how many containers."""
        return pool_of(self).stats()

    def __repr__(self) -> str:
        given = ", ".join(f"{key}={value!r}" for key, value in self._values.items())
        return f"{self._cls.declaration.name}({given})"

    def __getstate__(self) -> dict[str, object]:
        return {"_cls": self._cls, "_values": self._values}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state, _pool_found=None, _local=LocalInstance())


class Method(Callee[P, R, O], Generic[P, R, O]):
    """A method of an `Obj`.

    Inside the class it is the user's own function: ``self.other(x)`` is a plain
    call there, which is what `__call__` is typed for.
    """

    def __init__(self, owner: Obj, index: int) -> None:
        self._owner = owner
        self._index = index

    @property
    def raw(self) -> Callable[..., Any]:
        """The user's own function, not bound to an instance."""
        found: Callable[..., Any] = getattr(self._class, self._name)
        return found

    @property
    def label(self) -> str:
        """Class and method: ``Model.predict``."""
        return f"{self.pool.declaration.name}.{self._name}"

    @property
    def pool(self) -> Pool:
        """The pool of the instance, which all its methods share."""
        return pool_of(self._owner)

    @property
    def method(self) -> int:
        """Which of the class's methods it is."""
        return self._index

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> O:  # noqa: ARG002 - refused
        """Refused: outside the class it must be said where to run.

        Raises:
            InvalidError: Always.
        """
        raise InvalidError(
            f"`{self.label}(...)` does not say where to run; call "
            f"`{self.label}.remote(...)` for a container or `.local(...)` for here"
        )

    def local(self, /, *args: P.args, **kwargs: P.kwargs) -> O:
        """Run the body here, on an instance whose enter hooks ran once."""
        local = self._owner._local  # noqa: SLF001 - of this module
        made = local.call(self._class, self._owner._values, self._name, args, kwargs)  # noqa: SLF001 - the same
        return cast("O", made)

    def update_autoscaler(self, **given: Unpack[ScalingArguments]) -> NoReturn:  # noqa: ARG002 - refused
        """Refused: all methods of an instance share its containers."""
        self._refuse("update_autoscaler", "the instance")

    def with_options(self, **given: Unpack[PoolArguments]) -> NoReturn:  # noqa: ARG002 - refused
        """Refused: options belong to the class."""
        self._refuse("with_options", "the class")

    def with_concurrency(self, **given: object) -> NoReturn:  # noqa: ARG002 - refused
        """Refused: all methods share the slots of a container."""
        self._refuse("with_concurrency", "the class")

    def with_batching(self, **given: object) -> NoReturn:  # noqa: ARG002 - refused
        """Refused: batching belongs to the class."""
        self._refuse("with_batching", "the class")

    @property
    def _class(self) -> type:
        return self._owner._cls.raw  # noqa: SLF001 - of this module

    @property
    def _name(self) -> str:
        return self.pool.declaration.methods[self._index].name

    def _refuse(self, name: str, where: str) -> NoReturn:
        raise InvalidError(
            f"`{self.label}.{name}` concerns every method of "
            f"{self.pool.declaration.name}; call `{name}` on {where}"
        )


def pool_of(instance: Obj) -> Pool:
    """The pool of an instance; equal parameters find the same."""
    pool = instance._pool_found  # noqa: SLF001 - of this module
    if pool is None:
        cls, values = instance._cls, instance._values  # noqa: SLF001 - the same
        rules = parameters.declared(cls.raw)
        defaults = {key: rule.default for key, rule in rules.items()}
        pool = instance._pool_found = Pool(cls.declaration, values, defaults)  # noqa: SLF001 - the same
    return pool


class MethodDecorator(Protocol):
    """Types a method without its ``self``, as `FunctionDecorator` does functions."""

    @overload
    def __call__(self, body: Callee[P, T, O], /) -> Callee[P, T, O]: ...
    @overload
    def __call__(
        self, body: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]], /
    ) -> Method[P, T, Coroutine[Any, Any, T]]: ...
    @overload
    def __call__(
        self, body: Callable[Concatenate[Any, P], AsyncIterator[T]], /
    ) -> Method[P, T, AsyncIterator[T]]: ...
    @overload
    def __call__(
        self, body: Callable[Concatenate[Any, P], Iterator[T]], /
    ) -> Method[P, T, Iterator[T]]: ...
    @overload
    def __call__(
        self, body: Callable[Concatenate[Any, P], T], /
    ) -> Method[P, T, T]: ...


@keywords_only("method")
def method(*, is_generator: bool | None = None) -> MethodDecorator:
    """Make a method callable from outside, with the verbs of a function.

    Args:
        is_generator: None looks at the body; True for one that returns an
            iterator without being a generator function.

    Raises:
        InvalidError: It is a hook already, or not a function.
    """

    def decorate(body: Callable[..., Any]) -> Callable[..., Any]:
        return mark_method(body, is_generator)

    return cast("MethodDecorator", decorate)


def is_async(body: object) -> bool:
    """Whether a body belongs on the event loop."""
    return inspect.iscoroutinefunction(body) or inspect.isasyncgenfunction(body)
