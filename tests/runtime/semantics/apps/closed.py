"""A program that was started without stdout or stderr; run, never imported.

Arguments: a folder.
"""

# ruff: noqa: D103 - told by its name and the docstring above
from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from telemetry.runtime import App
from tests.runtime.semantics import gates

app = App("closed")
FOLDER = Path(sys.argv[1])


@app.function()
def write() -> list[bool]:
    for descriptor in (1, 2):
        os.write(descriptor, f"raw {descriptor}\n".encode())
    return [stat.S_ISREG(os.fstat(descriptor).st_mode) for descriptor in (1, 2)]


def main() -> None:
    with app.run():
        gates.note(FOLDER, str(write.remote()))


if __name__ == "__main__":
    main()
