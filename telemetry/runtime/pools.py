"""From a declaration to the pool that serves it: tag, spec, and calls."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from telemetry.core.errors import ExecutionError, InvalidError
from telemetry.runtime import current, options
from telemetry.runtime.calls import Call
from telemetry.runtime.current import Place
from telemetry.runtime.options import Options
from telemetry.runtime.session import FunctionStats, Session
from telemetry.runtime.shipping import code_of, reference_of
from telemetry.runtime.spec import Batching, Concurrency, MethodSpec, PoolSpec

_DIGEST_BYTES: Final = 6
"""Enough that a thousand variants of one function collide once in 5e8 apps."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a variant may change: a pool of its own for each combination."""

    options: Options = field(default_factory=Options)
    concurrency: Concurrency = field(default_factory=Concurrency)
    batching: Batching | None = None

    def with_options(self, where: str, given: Mapping[str, object]) -> Settings:
        """These, with other options."""
        return replace(self, options=options.options_with(self.options, where, given))

    def with_concurrency(
        self, max_inputs: object, target_inputs: object, cancellation: object
    ) -> Settings:
        """These, with another concurrency; `cancellation` of None stays as it is."""
        if cancellation is None:
            cancellation = self.concurrency.cancellation
        return replace(
            self,
            concurrency=options.concurrency(max_inputs, target_inputs, cancellation),
        )

    def with_batching(self, max_batch_size: object, wait_ms: object) -> Settings:
        """These, with another batching."""
        return replace(self, batching=options.batching(max_batch_size, wait_ms))


@dataclass(frozen=True, slots=True, eq=False)
class Declaration:
    """A function or class as it was declared, or a variant of it.

    Attributes:
        raw: The user's function or class.
        base: The settings of the declaration itself; a pool whose settings are
            these has the plain name as its tag.
    """

    app: str
    name: str
    raw: Callable[..., Any]
    methods: tuple[MethodSpec, ...]
    settings: Settings
    base: Settings
    is_class: bool = False
    serialized: bool = False

    def variant(self, settings: Settings) -> Declaration:
        """The same code under other settings.

        Raises:
            InvalidError: Retries of a generator.
        """
        check_retries(self.name, settings, self.methods)
        return replace(self, settings=settings)


class Pool:
    """The pool that serves a declaration with one set of parameters."""

    __slots__ = ("declaration", "parameters", "tag")

    def __init__(
        self,
        declaration: Declaration,
        parameters: Mapping[str, object] | None = None,
        defaults: Mapping[str, object] | None = None,
    ) -> None:
        self.declaration = declaration
        self.parameters = dict(parameters or {})
        self.tag = declaration.name
        settings = declaration.settings
        if settings != declaration.base or self.parameters != dict(defaults or {}):
            # Deterministic, and no hash(): every process must find the same tag.
            differs = repr((settings, sorted(self.parameters.items()))).encode()
            digest = hashlib.blake2b(differs, digest_size=_DIGEST_BYTES).hexdigest()
            self.tag = f"{declaration.name}@{digest}"

    def open(
        self, method: int = 0, *, retain: bool = False, stream: bool = False
    ) -> Call:
        """A new function call, without inputs yet.

        Raises:
            ExecutionError: The app is not running.
        """
        place, session = self._place()
        return session.open(self.spec(place), method, retain=retain, stream=stream)

    def check_running(self) -> None:
        """Raise now what `open` would.

        Raises:
            ExecutionError: The app is not running.
        """
        self._place()

    def stats(self) -> FunctionStats:
        """A moment of the pool; blocks for the dispatcher's answer."""
        place, session = self._place()
        return session.stats(self.spec(place))

    def update_scaling(self, given: Mapping[str, object]) -> None:
        """Change the autoscaler's settings for as long as the app runs."""
        place, session = self._place()
        before = place.scaling.get(self.tag, self.declaration.settings.options.scaling)
        scaling = options.scaling_with(before, "update_autoscaler", given)
        session.update_limits(self.spec(place), scaling.limits())
        place.scaling[self.tag] = scaling

    @property
    def goes_by_reference(self) -> bool:
        """Whether containers import the code, rather than get it by value."""
        declared = self.declaration
        return not declared.serialized and reference_of(declared.raw) is not None

    def spec(self, place: Place) -> PoolSpec:
        """The pool as data; built once in each run, at first use."""
        spec = place.pools.get(self.tag)
        if spec is None:
            spec = place.pools.setdefault(self.tag, self._build(place))
        return spec

    def _place(self) -> tuple[Place, Session]:
        app = self.declaration.app
        place = current.place_of(app)
        if place is None or place.session is None:
            raise ExecutionError(
                f"{self.declaration.name!r} was called, but its app {app!r} is not "
                "running; make the call inside `with app.run():`"
            )
        return place, place.session

    def _build(self, place: Place) -> PoolSpec:
        declared, settings = self.declaration, self.declaration.settings
        code = place.code.get(declared.name)
        if code is None:
            code = code_of(declared.name, declared.raw, by_value=declared.serialized)
            code = place.code.setdefault(declared.name, code)
        chosen = settings.options
        startup_s = chosen.startup_timeout_s
        return PoolSpec(
            app=declared.app,
            tag=self.tag,
            function=declared.name,
            code=code,
            methods=declared.methods,
            is_class=declared.is_class,
            parameters=pickle.dumps(self.parameters) if self.parameters else None,
            concurrency=settings.concurrency,
            batching=settings.batching,
            limits=chosen.scaling.limits(),
            retries=chosen.retries,
            timeout_s=chosen.timeout_s,
            startup_timeout_s=chosen.timeout_s if startup_s is None else startup_s,
            cancel_grace_s=chosen.cancel_grace_s,
        )


def check_retries(
    name: str, settings: Settings, methods: tuple[MethodSpec, ...]
) -> None:
    """Refuse retries where there is nothing but generators.

    Raises:
        InvalidError: There is nothing else: chunks that were taken stay taken.
    """
    if not methods or settings.options.retries is None:
        return
    if all(each.is_generator for each in methods):
        raise InvalidError(
            f"{name!r} is a generator and cannot have `retries` "
            f"({settings.options.retries.max_retries}): its chunks are taken as they "
            "come; remove `retries=`"
        )
