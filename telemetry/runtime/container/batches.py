"""A batch's way into its body and out of it: lists in, a list out."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from telemetry.core.errors import InvalidError
from telemetry.runtime.container.endings import Ended, encoded, raised
from telemetry.runtime.wire import messages, payload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry.runtime.container.jobs import Job
    from telemetry.runtime.wire.frames import Payload


def columns(job: Job, members: Sequence[Payload]) -> list[list[Any]]:
    """One list per parameter of the body, in the order of the parameters.

    A member that cannot be decoded, or does not fit the parameters, fails alone:
    its end is noted, and the body runs for the others.
    """
    signature = inspect.signature(job.method.call)
    rows = []
    for index, member in enumerate(members):
        try:
            args, kwargs = payload.loads(member)
        except Exception as error:  # noqa: BLE001 - a user's class may do anything
            job.unfit[index] = raised(payload.unreadable("an argument", error))
            continue
        try:
            rows.append(signature.bind(*args, **kwargs).arguments)
        except TypeError as error:
            job.unfit[index] = raised(error)
    job.nobody = not rows
    return [[row[name] for row in rows] for name in signature.parameters]


def returned(job: Job, members: Sequence[Payload], value: object) -> Ended:
    """The end of a body that returned: one result per member it ran for."""
    count = len(members) - len(job.unfit)
    if not isinstance(value, list) or len(value) != count:
        got = (
            f"a list of {len(value)}" if isinstance(value, list) else f"{value!r:.200}"
        )
        return raised(
            InvalidError(
                f"the batched body of {job.function!r} must return a list with "
                f"one result per input ({count}); it returned {got}"
            )
        )
    results = iter(value)
    return messages.RETURNED, [
        job.unfit.get(index) or encoded(next(results)) for index in range(len(members))
    ]
