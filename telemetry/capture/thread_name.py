"""The name of this thread as lines carry it, encoded once."""

from __future__ import annotations

import threading
from typing import Final

from msgspec import Raw

from telemetry.capture.blackbox.records import encode
from telemetry.capture.plain import clean


class _Name(threading.local):
    head: Raw | None = None


NAME: Final = _Name()
"""``NAME.head`` is the name as the black box holds it; None until it is asked for."""


def thread_head() -> Raw:
    """The name of this thread as the black box holds it.

    A thread that is renamed by other means than `rename_thread` after its first line
    keeps its old name there.
    """
    head = NAME.head
    if head is None:
        head = NAME.head = Raw(encode(clean(threading.current_thread().name)))
    return head


def rename_thread(name: str) -> None:
    """Give this thread another name; its lines carry it from now on."""
    threading.current_thread().name = name
    NAME.head = None
