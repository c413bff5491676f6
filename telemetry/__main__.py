"""``python -m telemetry`` is the ``telemetry`` command."""

from __future__ import annotations

import sys

from telemetry.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
