"""The arguments of ``app.function`` and ``app.cls``, checked where they are given."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypedDict

from telemetry.core.errors import DeprecationError, InvalidError
from telemetry.policy.retries import RetryRule
from telemetry.policy.scaling import Limits
from telemetry.runtime import checks
from telemetry.runtime.spec import CANCEL_GRACE_S, Batching, Cancellation, Concurrency

MAX_BATCH_SIZE: Final = 1000
"""Source: modal.batched."""

MAX_WAIT_MS: Final = 600_000
"""Source: modal.batched."""

_CANCELLATIONS: Final[tuple[Cancellation, ...]] = ("container", "input")

_REPLACED: Final = {
    "keep_warm": "`min_containers=`",
    "concurrency_limit": "`max_containers=`",
    "container_idle_timeout": "`scaledown_window=`",
    "allow_concurrent_inputs": "`@concurrent(max_inputs=...)` beneath the decorator",
}
"""Modal's former names, and what to write instead."""

_ELSEWHERE: Final = ("max_inputs", "target_inputs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """When an input that failed, or ran out of time, runs again.

    Args:
        max_retries: Executions beyond the first, 0 or more.
        backoff_coefficient: Factor from one delay to the next, 1 to 10.
        initial_delay: Seconds before the first retry, 0 to 60.
        max_delay: Upper bound of any delay in seconds, 1 to 60.
    """

    max_retries: int
    backoff_coefficient: float = 2.0
    initial_delay: float = 1.0
    max_delay: float = 60.0

    def __post_init__(self) -> None:
        checks.whole("max_retries", self.max_retries, at_least=0)
        for key, at_least, at_most in (
            ("backoff_coefficient", 1.0, 10.0),
            ("initial_delay", 0.0, 60.0),
            ("max_delay", 1.0, 60.0),
        ):
            checks.number(key, getattr(self, key), at_least=at_least, at_most=at_most)


class ScalingArguments(TypedDict, total=False):
    """What ``update_autoscaler`` takes; None leaves a setting as it is."""

    min_containers: int | None
    max_containers: int | None
    buffer_containers: int | None
    scaledown_window: float | None


class PoolArguments(ScalingArguments, total=False):
    """What ``app.function``, ``app.cls`` and ``with_options`` share."""

    timeout: float
    startup_timeout: float | None
    retries: int | Retries | None
    cancel_grace: float


@dataclass(frozen=True, slots=True)
class Scaling:
    """The autoscaler settings that were given; None stands for the default."""

    min_containers: int | None = None
    max_containers: int | None = None
    buffer_containers: int | None = None
    scaledown_window: float | None = None

    def limits(self) -> Limits:
        """What the autoscaler works with.

        ``max_containers`` defaults to the number of CPUs: more processes than
        that gain nothing on one machine.
        """
        least = self.min_containers or 0
        most = self.max_containers
        window = self.scaledown_window
        return Limits(
            min_containers=least,
            max_containers=max(least, os.cpu_count() or 1) if most is None else most,
            buffer_containers=self.buffer_containers or 0,
            scaledown_window_s=60.0 if window is None else window,
        )


@dataclass(frozen=True, slots=True)
class Options:
    """Everything about a pool that is not concurrency or batching."""

    timeout_s: float = 300.0
    startup_timeout_s: float | None = None
    retries: RetryRule | None = None
    cancel_grace_s: float = CANCEL_GRACE_S
    scaling: Scaling = field(default_factory=Scaling)


def scaling_with(base: Scaling, where: str, given: Mapping[str, object]) -> Scaling:
    """*base* with the settings that were given.

    Raises:
        InvalidError: A value is out of range, or the two bounds contradict.
        TypeError: There is no such setting.
    """
    _check_names(where, given, ScalingArguments.__optional_keys__)
    changed: dict[str, Any] = {}
    for key, least in (
        ("min_containers", 0),
        ("max_containers", 1),
        ("buffer_containers", 0),
    ):
        if given.get(key) is not None:
            changed[key] = checks.whole(key, given[key], at_least=least)
    if given.get("scaledown_window") is not None:
        changed["scaledown_window"] = checks.seconds(
            "scaledown_window", given["scaledown_window"]
        )
    scaling = replace(base, **changed)
    least, most = scaling.min_containers or 0, scaling.max_containers
    if most is not None and most < least:
        raise InvalidError(
            f"`max_containers` must be at least `min_containers` ({least}), "
            f"not {most}; raise the first or lower the second"
        )
    return scaling


def options_with(base: Options, where: str, given: Mapping[str, object]) -> Options:
    """*base* with the options that were given.

    Raises:
        InvalidError: A value is out of range.
        DeprecationError: The name is a former one of Modal's.
        TypeError: There is no such option.
    """
    _check_names(where, given, PoolArguments.__optional_keys__)
    changed: dict[str, Any] = {}
    if "timeout" in given:
        changed["timeout_s"] = checks.seconds("timeout", given["timeout"])
    if given.get("startup_timeout") is not None:
        changed["startup_timeout_s"] = checks.seconds(
            "startup_timeout", given["startup_timeout"]
        )
    if "cancel_grace" in given:
        changed["cancel_grace_s"] = checks.seconds(
            "cancel_grace", given["cancel_grace"], zero=True
        )
    if given.get("retries") is not None:
        changed["retries"] = _retry_rule(given["retries"])
    scaling = {
        key: value
        for key, value in given.items()
        if key in ScalingArguments.__optional_keys__
    }
    return replace(base, scaling=scaling_with(base.scaling, where, scaling), **changed)


def concurrency(
    max_inputs: object, target_inputs: object, cancellation: object
) -> Concurrency:
    """What ``@concurrent`` and ``with_concurrency`` mean.

    Raises:
        InvalidError: A value is out of range.
    """
    most = checks.whole("max_inputs", max_inputs)
    target = (
        most if target_inputs is None else checks.whole("target_inputs", target_inputs)
    )
    if target > most:
        raise InvalidError(
            f"`target_inputs` must be at most `max_inputs` ({most}), not {target}"
        )
    for known in _CANCELLATIONS:
        if cancellation == known:
            return Concurrency(most, target, known)
    raise InvalidError(
        f"`cancellation` must be 'container' or 'input', not {cancellation!r}"
    )


def batching(max_batch_size: object, wait_ms: object) -> Batching:
    """What ``@batched`` and ``with_batching`` mean.

    Raises:
        InvalidError: A value is out of range.
    """
    return Batching(
        checks.whole("max_batch_size", max_batch_size, at_most=MAX_BATCH_SIZE),
        checks.whole("wait_ms", wait_ms, at_least=0, at_most=MAX_WAIT_MS),
    )


def _retry_rule(given: object) -> RetryRule | None:
    if isinstance(given, Retries):
        rule = RetryRule(
            given.max_retries,
            float(given.backoff_coefficient),
            float(given.initial_delay),
            float(given.max_delay),
        )
    elif isinstance(given, int) and not isinstance(given, bool):
        rule = RetryRule(checks.whole("retries", given, at_least=0))
    else:
        raise InvalidError(
            f"`retries` must be an integer of at least 0 or a `Retries`, not {given!r}"
        )
    return rule if rule.max_retries else None


def _check_names(
    where: str, given: Mapping[str, object], known: frozenset[str]
) -> None:
    for name in given:
        if name in known:
            continue
        if name in _REPLACED:
            raise DeprecationError(
                f"`{name}=` is gone from `{where}`; use {_REPLACED[name]}"
            )
        if name in _ELSEWHERE:
            raise InvalidError(
                f"`{name}=` ({given[name]!r}) does not belong in `{where}`; put "
                f"`@concurrent({name}=...)` beneath it"
            )
        raise TypeError(f"{where}() got an unexpected keyword argument {name!r}")
