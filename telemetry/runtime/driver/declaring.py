"""A pool's rules as a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.capture.runtime_records import PoolDeclared

if TYPE_CHECKING:
    from telemetry.policy.scaling import Limits
    from telemetry.runtime.spec import PoolSpec


def declared(spec: PoolSpec, limits: Limits, now_s: float) -> PoolDeclared:
    """What holds for a pool from *now_s* on.

    Args:
        limits: Those in force; they may differ from the ones it was made with.
    """
    batching, retries = spec.batching, spec.retries
    return PoolDeclared(
        at_s=now_s,
        function=spec.function,
        pool=spec.key,
        app=spec.app,
        methods={
            spec.full_name(index): spec.method_mode(index)
            for index in range(len(spec.methods))
        },
        mode=spec.mode,
        target=spec.concurrency.target_inputs,
        limit=spec.concurrency.max_inputs,
        min_containers=limits.min_containers,
        max_containers=limits.max_containers,
        buffer_containers=limits.buffer_containers,
        scaledown_window_s=limits.scaledown_window_s,
        timeout_s=spec.timeout_s,
        cancellation=spec.concurrency.cancellation,
        retries=0 if retries is None else retries.max_retries,
        max_batch_size=None if batching is None else batching.max_batch_size,
        batch_wait_s=None if batching is None else batching.wait_ms / 1000,
    )
