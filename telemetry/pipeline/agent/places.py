"""Where an agent's files lie: in the folder of everything that is ours."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from telemetry.capture.blackbox.places import boxes_directory, private_directory


class Places(NamedTuple):
    """The files of one user's agent. The folder has the mode 0700.

    Attributes:
        store: What can be asked; see ``docs/store.md``.
        lock: Held by the one agent of the folder for as long as it lives.
        status: What that agent tells of itself, as JSON.
        log: What it had to say where nobody watched.
    """

    base: Path
    boxes: Path
    store: Path
    lock: Path
    status: Path
    log: Path


def places(base: Path) -> Places:
    """The files below *base*, which is made if it has to be.

    Raises:
        InvalidError: Others can enter or own the folder.
        OSError: It cannot be made.
    """
    base = base.absolute()  # programs change their folder, and agents have another
    boxes = boxes_directory(private_directory(base))
    return Places(
        base,
        boxes,
        store_path(base),
        base / "agent.lock",
        base / "agent.json",
        base / "agent.log",
    )


def store_path(base: Path) -> Path:
    """The store of an agent below *base*, whether or not there is one."""
    return base / "store.sqlite"
