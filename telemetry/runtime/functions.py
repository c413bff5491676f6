"""`Function`: what ``@app.function`` leaves in the place of the user's function."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import (
    Any,
    Generic,
    ParamSpec,
    Protocol,
    TypeVar,
    Unpack,
    cast,
    overload,
)

from telemetry.runtime.callees import Callee
from telemetry.runtime.checks import keywords_only
from telemetry.runtime.declarations import check_batchable
from telemetry.runtime.options import PoolArguments, ScalingArguments
from telemetry.runtime.pools import Declaration, Pool, Settings
from telemetry.runtime.shipping import find, reference_of
from telemetry.runtime.spec import Cancellation, Reference
from telemetry.runtime.verbs import verb

P = ParamSpec("P")
R = TypeVar("R")
O = TypeVar("O")  # noqa: E741 - P, R, O: parameters, result, what the body returns
T = TypeVar("T")


class Function(Callee[P, R, O], Generic[P, R, O]):
    """A function of an app, to be run in containers; made by ``@app.function``.

    `P` are its parameters, `R` is the type of a result (of a chunk, for a
    generator), `O` what calling the body itself returns.
    """

    def __init__(self, declaration: Declaration) -> None:
        self._pool = Pool(declaration)

    @property
    def raw(self) -> Callable[P, O]:
        """The user's own function."""
        return cast("Callable[P, O]", self._pool.declaration.raw)

    @property
    def label(self) -> str:
        """The name under which it is registered."""
        return self._pool.declaration.name

    @property
    def pool(self) -> Pool:
        """The pool that runs it."""
        return self._pool

    def local(self, /, *args: P.args, **kwargs: P.kwargs) -> O:
        """Call the body here; an async body gives its coroutine. No input id."""
        return self.raw(*args, **kwargs)

    @keywords_only("with_options", bound=1)
    def with_options(self, **given: Unpack[PoolArguments]) -> Function[P, R, O]:
        """The same function with other options, in a pool of its own."""
        return self.variant(self.settings.with_options("with_options", given))

    @keywords_only("with_concurrency", bound=1)
    def with_concurrency(
        self,
        *,
        max_inputs: int,
        target_inputs: int | None = None,
        cancellation: Cancellation | None = None,
    ) -> Function[P, R, O]:
        """The same function with another concurrency, in a pool of its own.

        Args:
            cancellation: None keeps what the function has.
        """
        return self.variant(
            self.settings.with_concurrency(max_inputs, target_inputs, cancellation)
        )

    @keywords_only("with_batching", bound=1)
    def with_batching(self, *, max_batch_size: int, wait_ms: int) -> Function[P, R, O]:
        """The same function with another batching, in a pool of its own."""
        settings = self.settings.with_batching(max_batch_size, wait_ms)
        check_batchable(self.raw, skip_self=False)
        return self.variant(settings)

    def variant(self, settings: Settings) -> Function[P, R, O]:
        """The same function under these settings."""
        return Function(self._pool.declaration.variant(settings))

    async def _update_autoscaler_aio(self, **given: Unpack[ScalingArguments]) -> None:
        await asyncio.to_thread(self._pool.update_scaling, given)

    @verb(_update_autoscaler_aio)
    def update_autoscaler(self, **given: Unpack[ScalingArguments]) -> None:
        """Change the autoscaler's settings while the app runs.

        What is not given stays as it was last set.

        Raises:
            InvalidError: A value is out of range.
            ExecutionError: The app is not running.
        """
        self._pool.update_scaling(given)

    @property
    def settings(self) -> Settings:
        """What a variant of it may change."""
        return self._pool.declaration.settings

    def __reduce_ex__(self, protocol: Any) -> Any:  # noqa: ANN401 - object's signature
        reference = None
        if not self._pool.declaration.serialized:
            reference = reference_of(self._pool.declaration.raw)
        if reference is not None:
            return restore, (reference, self.settings)
        # By its state, which pickling looks at after the object is known: the
        # body's globals may lead back here.
        return super().__reduce_ex__(protocol)


def restore(reference: Reference, settings: Settings) -> object:
    """The handle that a reference leads to, as the variant with these settings."""
    handle: Any = find(reference)
    return handle if handle.settings == settings else handle.variant(settings)


class FunctionDecorator(Protocol):
    """Gives async bodies and generators the type of what they result in."""

    @overload
    def __call__(self, body: Callee[P, T, O], /) -> Function[P, T, O]: ...
    @overload
    def __call__(
        self, body: Callable[P, Coroutine[Any, Any, T]], /
    ) -> Function[P, T, Coroutine[Any, Any, T]]: ...
    @overload
    def __call__(
        self, body: Callable[P, AsyncIterator[T]], /
    ) -> Function[P, T, AsyncIterator[T]]: ...
    @overload
    def __call__(
        self, body: Callable[P, Iterator[T]], /
    ) -> Function[P, T, Iterator[T]]: ...
    @overload
    def __call__(self, body: Callable[P, T], /) -> Function[P, T, T]: ...
