"""Whether this process is a container, or a child that a body forked off it."""

from __future__ import annotations

import os
from typing import NoReturn

is_child = False
"""True in a forked child: it must not answer for the container."""


def leave() -> NoReturn:
    """End a child that came back out of the body that forked it."""
    os._exit(0)
