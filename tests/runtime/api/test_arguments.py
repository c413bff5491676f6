from __future__ import annotations

import math
import os
from typing import Any

import pytest

from telemetry.core.errors import DeprecationError, InvalidError
from telemetry.policy.retries import RetryRule
from telemetry.policy.scaling import Limits
from telemetry.runtime import App, Function, Retries, batched, concurrent
from telemetry.runtime.pools import Settings


def settings_of(**given: Any) -> Settings:
    """The settings that a function with these options has."""

    @App("arguments").function(**given)
    def body(x: int) -> int:
        return x

    return body.settings


@pytest.mark.parametrize("decorator", ["function", "cls"])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("timeout", bad) for bad in (None, 0, -5, True, "3", math.nan, math.inf)],
        *[("startup_timeout", bad) for bad in (0, -1, False, "3", math.nan)],
        *[("cancel_grace", bad) for bad in (None, -1, True, math.inf, 10**400)],
        *[("min_containers", bad) for bad in (-1, 1.5, "1", True)],
        *[("max_containers", bad) for bad in (0, -1, 2.0, "1", True)],
        *[("buffer_containers", bad) for bad in (-1, 0.5, False)],
        *[("scaledown_window", bad) for bad in (0, -1, True, "60", math.nan)],
        *[("retries", bad) for bad in (-1, 1.5, "3", True, [3])],
    ],
)
def test_options_out_of_range(decorator: str, key: str, value: object) -> None:
    """A bad option is refused where it is given, with its name and its value."""
    decorate = getattr(App("arguments"), decorator)

    with pytest.raises(InvalidError, match=rf"`{key}` must be .*not ") as caught:
        decorate(**{key: value})

    assert repr(value) in str(caught.value)


def test_bounds_that_contradict() -> None:
    """The upper bound of containers is at least the lower."""
    with pytest.raises(InvalidError, match=r"at least `min_containers` \(3\), not 2"):
        App("arguments").function(min_containers=3, max_containers=2)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("keep_warm", "min_containers"),
        ("concurrency_limit", "max_containers"),
        ("container_idle_timeout", "scaledown_window"),
        ("allow_concurrent_inputs", r"@concurrent\(max_inputs"),
    ],
)
@pytest.mark.parametrize("decorator", ["function", "cls"])
def test_former_names(decorator: str, old: str, new: str) -> None:
    """A former name raises, and names what replaces it."""
    with pytest.raises(DeprecationError, match=f"`{old}=` is gone .*{new}"):
        getattr(App("arguments"), decorator)(**{old: 1})


@pytest.mark.parametrize("key", ["gpu", "image", "secrets", "region"])
@pytest.mark.parametrize("decorator", ["function", "cls"])
def test_unknown_option(decorator: str, key: str) -> None:
    """What has no meaning on one machine is an unknown keyword."""
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{key}'"):
        getattr(App("arguments"), decorator)(**{key: 1})


@pytest.mark.parametrize("key", ["max_inputs", "target_inputs"])
def test_concurrency_in_the_wrong_decorator(key: str) -> None:
    """Concurrency given to the app's decorator is pointed to its own."""
    with pytest.raises(InvalidError, match=rf"@concurrent\({key}="):
        settings_of(**{key: 2})


def test_defaults() -> None:
    """Without options a function has the documented ones."""
    settings = settings_of()

    assert settings.options.timeout_s == 300
    assert settings.options.retries is None
    assert settings.options.cancel_grace_s == 5
    assert settings.options.scaling.limits() == Limits(0, os.cpu_count() or 1, 0, 60.0)


def test_max_containers_is_at_least_min_containers_by_default() -> None:
    """A lower bound above the number of CPUs lifts the default upper one."""
    limits = settings_of(min_containers=4000).options.scaling.limits()

    assert limits.max_containers == 4000


@pytest.mark.parametrize(
    ("retries", "rule"),
    [
        (None, None),
        (0, None),
        (3, RetryRule(3, 1.0, 1.0, 60.0)),
        (Retries(max_retries=3), RetryRule(3, 2.0, 1.0, 60.0)),
        (
            Retries(max_retries=1, backoff_coefficient=1, initial_delay=0, max_delay=9),
            RetryRule(1, 1.0, 0.0, 9.0),
        ),
    ],
)
def test_retries(retries: object, rule: RetryRule | None) -> None:
    """A number means a fixed delay of a second, `Retries` doubles."""
    assert settings_of(retries=retries).options.retries == rule


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("max_retries", bad) for bad in (-1, True, 1.5, "3")],
        *[("backoff_coefficient", bad) for bad in (0.9, 10.1, math.nan, "2")],
        *[("initial_delay", bad) for bad in (-0.1, 60.1, math.inf, True)],
        *[("max_delay", bad) for bad in (0.9, 60.1, None)],
    ],
)
def test_retries_out_of_range(key: str, value: object) -> None:
    """`Retries` checks its own ranges."""
    given: dict[str, Any] = {"max_retries": 1, key: value}

    with pytest.raises(InvalidError, match=rf"`{key}` must be"):
        Retries(**given)


def test_retries_by_position() -> None:
    """`Retries` takes keywords alone."""
    with pytest.raises(TypeError, match="positional"):
        Retries(3)  # type: ignore[call-arg]  # the mistake


def test_retries_without_a_number() -> None:
    """`Retries` needs to know how many."""
    with pytest.raises(TypeError, match="max_retries"):
        Retries()  # type: ignore[call-arg]  # the mistake


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("max_inputs", bad) for bad in (0, -1, True, 2.5, "3", math.nan, None)],
        *[("target_inputs", bad) for bad in (0, -1, True, 2.5, "3", math.inf)],
    ],
)
def test_concurrency_out_of_range(key: str, value: object) -> None:
    """Numbers of inputs are integers of at least one."""
    given: dict[str, Any] = {"max_inputs": 10, key: value}

    with pytest.raises(InvalidError, match=rf"`{key}` must be an integer"):
        concurrent(**given)


def test_target_above_the_limit() -> None:
    """A target is at most the limit."""
    with pytest.raises(InvalidError, match=r"at most `max_inputs` \(2\), not 3"):
        concurrent(max_inputs=2, target_inputs=3)


def test_concurrency_without_a_limit() -> None:
    """A target alone does not do."""
    with pytest.raises(TypeError, match="max_inputs"):
        concurrent(target_inputs=3)  # type: ignore[call-arg]  # the mistake


@pytest.mark.parametrize("value", ["thread", None, True])
def test_unknown_cancellation(value: Any) -> None:
    """What cancellation takes along is one of two."""
    with pytest.raises(InvalidError, match="'container' or 'input', not"):
        concurrent(max_inputs=2, cancellation=value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("max_batch_size", bad) for bad in (0, 1001, True, 2.0, "8")],
        *[("wait_ms", bad) for bad in (-1, 600_001, True, 0.5, None)],
    ],
)
def test_batching_out_of_range(key: str, value: object) -> None:
    """The bounds of a batch are Modal's."""
    given: dict[str, Any] = {"max_batch_size": 8, "wait_ms": 5, key: value}

    with pytest.raises(InvalidError, match=rf"`{key}` must be an integer from"):
        batched(**given)


@pytest.mark.parametrize(
    ("change", "given", "error"),
    [
        ("with_options", {"timeout": 0}, InvalidError),
        ("with_options", {"timeout": None}, InvalidError),
        ("with_options", {"keep_warm": 1}, DeprecationError),
        ("with_options", {"gpu": "h100"}, TypeError),
        ("with_concurrency", {"max_inputs": 0}, InvalidError),
        ("with_concurrency", {"max_inputs": 2, "target_inputs": 3}, InvalidError),
        ("with_concurrency", {}, TypeError),
        ("with_batching", {"max_batch_size": 0, "wait_ms": 1}, InvalidError),
        ("with_batching", {"max_batch_size": 1}, TypeError),
    ],
)
def test_variants_check_as_decorators_do(
    change: str, given: dict[str, Any], error: type[Exception]
) -> None:
    """A variant is refused for what its decorator refuses."""

    @App("arguments").function()
    def body(x: int) -> int:
        return x

    with pytest.raises(error, match=r"must be|gone|unexpected|missing"):
        getattr(body, change)(**given)


def test_options_that_are_not_given_are_kept() -> None:
    """A variant changes what is named, and None names nothing."""

    @App("arguments").function(timeout=7, retries=2, max_containers=9)
    def body(x: int) -> int:
        return x

    variant: Function[..., Any, Any] = body.with_options(
        startup_timeout=3, max_containers=None
    )
    changed, kept = variant.settings.options, body.settings.options
    assert (changed.timeout_s, changed.startup_timeout_s) == (7, 3)
    assert (changed.retries, changed.scaling) == (kept.retries, kept.scaling)


def test_retries_can_be_taken_away() -> None:
    """Zero retries is a value, and not the absence of one."""

    @App("arguments").function(retries=2)
    def body(x: int) -> int:
        return x

    assert body.with_options(retries=0).settings.options.retries is None
