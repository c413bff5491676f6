"""``python -m examples.demo``: the command, and a quiet end while it still loads."""

from __future__ import annotations

import sys
from typing import Final

INTERRUPTED: Final = 130
"""The status of a shell's child that Ctrl-C ended."""


def run() -> int:
    """Run the demo; its exit code."""
    try:
        # Here, so that Ctrl-C shows no traceback of the imports either.
        from examples.demo.command import main  # noqa: PLC0415

        return main()
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(run())
