"""``.local`` on classes: one instance per `Obj`, entered once."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any

from telemetry.core.errors import ExecutionError
from telemetry.runtime.declarations import lifecycle
from telemetry.runtime.parameters import instantiate
from telemetry.runtime.verbs import in_event_loop

Hook = Callable[[], Any]


class LocalInstance:
    """Makes the instance at the first call and runs its enter hooks, in order.

    Hooks are async as soon as one of them is: an async method runs them before
    its first await, a sync method in an event loop of its own.
    """

    def __init__(self) -> None:
        # Re-entrant: a hook may call a method of its own instance.
        self._lock = threading.RLock()
        self._instance: object = None
        self._waiting: list[Hook] = []  # guarded by _lock; taken once, by who runs them

    def call(
        self,
        user_class: type,
        values: Mapping[str, object],
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> object:
        """What the method of that name returns; for an async one, its coroutine.

        Raises:
            ExecutionError: Async hooks must run first, and an event loop is in
                the way.
        """
        hooks = self._enter(user_class, values)
        body = getattr(self._instance, name)
        if not hooks:
            return body(*args, **kwargs)
        if inspect.iscoroutinefunction(body):
            return self._after(body(*args, **kwargs))
        if inspect.isasyncgenfunction(body):
            return self._chunks_after(body(*args, **kwargs))
        if in_event_loop():
            raise ExecutionError(
                f"`{user_class.__name__}.{name}.local` is sync, and the class has "
                "async enter hooks, which cannot run inside this event loop; await "
                "`.local` of an async method first"
            )
        asyncio.run(self._run_hooks())
        return body(*args, **kwargs)

    def _enter(self, user_class: type, values: Mapping[str, object]) -> list[Hook]:
        with self._lock:
            if self._instance is None:
                instance = instantiate(user_class, values)
                names = lifecycle(user_class).enter
                hooks = [getattr(instance, name) for name in names]
                if any(inspect.iscoroutinefunction(hook) for hook in hooks):
                    self._waiting = hooks
                    self._instance = instance
                    return self._waiting
                self._instance = instance
                for hook in hooks:
                    hook()
            return self._waiting

    async def _run_hooks(self) -> None:
        with self._lock:
            hooks, self._waiting = self._waiting, []
        for hook in hooks:
            result = hook()
            if inspect.isawaitable(result):
                await result

    async def _after(self, body: Coroutine[Any, Any, Any]) -> object:
        await self._run_hooks()
        return await body

    async def _chunks_after(self, body: AsyncIterator[Any]) -> AsyncIterator[Any]:
        await self._run_hooks()
        async for chunk in body:
            yield chunk
