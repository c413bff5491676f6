"""The source of new ids in a process of the runtime."""

from __future__ import annotations

import secrets
import time
from random import Random

from telemetry.core.ids import IdSource


def new_id_source() -> IdSource:
    """A source with the system's clock, and randomness of its own.

    Seeded once: a system call for each millisecond would cost every caller, and
    ids are no secrets. A forked child needs a new source.
    """
    draw = Random(secrets.randbits(128))  # noqa: S311 - see above
    return IdSource(
        now_ms=lambda: time.time_ns() // 1_000_000, random_bits=draw.getrandbits
    )
