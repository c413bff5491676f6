"""A program whose driver keeps a journal, and is killed; run with a folder.

Its boxes lie in the folder ``telemetry`` below that one.
"""

# ruff: noqa: D103 - bodies, told by their names and the docstring above
from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import telemetry
from telemetry.runtime import App, run
from telemetry.runtime.driver.session import DriverSession
from tests.runtime.semantics import gates

app = App("journalled")


@app.function(max_containers=1)
def hold(folder: Path) -> None:
    gates.stay(folder, "body")


class Journalled(DriverSession):
    """The session of an app whose boxes an agent would read."""

    @classmethod
    def start(cls, app_name: str, **given: Any) -> DriverSession:
        return DriverSession.start(app_name, **{**given, "journal": True})


def environ(root: Path) -> dict[str, str]:
    """In which this program finds what it imports."""
    return {**os.environ, "PYTHONPATH": str(root)}


def main(folder: Path) -> None:
    telemetry.configure(directory=folder / "telemetry")
    vars(run)["DriverSession"] = Journalled  # as settings will
    with app.run(shutdown_grace=5):
        hold.remote(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
