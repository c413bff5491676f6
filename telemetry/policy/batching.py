"""When a gathering batch is released, and with how many inputs."""

from __future__ import annotations


def release_size(
    queued: int, oldest_wait_s: float, max_batch_size: int, wait_s: float
) -> int:
    """Inputs that the next batch takes now; 0 means keep gathering.

    A batch goes when it is full, or when its oldest input has waited long enough.

    Args:
        queued: Inputs that wait.
        oldest_wait_s: Seconds that the first of them has waited.
        max_batch_size: Most inputs of one batch.
        wait_s: Seconds that an input may wait for company; 0 gathers nothing.
    """
    if queued >= max_batch_size:
        return max_batch_size
    return queued if oldest_wait_s >= wait_s else 0


def due_in_s(
    queued: int, oldest_wait_s: float, max_batch_size: int, wait_s: float
) -> float | None:
    """Seconds until a batch is released without a further input.

    0 when one is released now, None when nothing waits. Arguments as for
    `release_size`.
    """
    if queued <= 0:
        return None
    if queued >= max_batch_size:
        return 0.0
    return max(0.0, wait_s - oldest_wait_s)
