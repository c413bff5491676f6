"""Writes the dashboards as JSON: ``python -m dashboards.generate [--check]``."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from dashboards.board import Board
from dashboards.boards import (
    cancellations,
    concurrency,
    explorer,
    health,
    overview,
    scaling,
    tuning,
)

FOLDER: Final = Path(__file__).parent / "json"

BOARDS: Final[Sequence[Callable[[], Board]]] = (
    overview.board,
    concurrency.board,
    scaling.board,
    cancellations.board,
    explorer.board,
    tuning.board,
    health.board,
)
"""In the order in which they are listed."""


def texts() -> dict[str, str]:
    """The JSON of each dashboard, by the name of its file."""
    boards = [make() for make in BOARDS]
    return {f"{board.uid}.json": board.text() for board in boards}


def differences(folder: Path) -> list[str]:
    """Lines of a unified difference between what lies there and what should."""
    wanted = texts()
    there = {path.name: path.read_text("utf-8") for path in folder.glob("*.json")}
    found: list[str] = []
    for name in sorted(wanted.keys() | there.keys()):
        old, new = there.get(name, ""), wanted.get(name, "")
        found += difflib.unified_diff(
            old.splitlines(), new.splitlines(), f"{name} (committed)", name, lineterm=""
        )
    return found


def write(folder: Path) -> None:
    """Write them, and remove those that are no more."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = texts()
    for name, text in wanted.items():
        (folder / name).write_text(text, "utf-8")
    for path in folder.glob("*.json"):
        if path.name not in wanted:
            path.unlink()


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check; 1 when the check finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m dashboards.generate")
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    asked = parser.parse_args(arguments)
    if not asked.check:
        write(asked.folder)
        return 0
    found = differences(asked.folder)
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
