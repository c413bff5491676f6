"""Where to look while the demo runs, and how to ask afterwards."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Final

from telemetry.capture.blackbox.places import base_directory
from telemetry.capture.settings import in_force
from telemetry.core.errors import Error
from telemetry.pipeline.agent.places import places
from telemetry.pipeline.agent.status import living_agent
from telemetry.view.admission import link_of_agent

_PATIENCE_S: Final = 5.0
_LOOK_EVERY_S: Final = 0.05


async def where_to_look() -> str:
    """The link to the local page, once the agent serves it; else what is missing."""
    place = places(base_directory(in_force().directory))
    until_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until_s:
        try:
            agent = living_agent(place)
            if agent is not None and agent.view:
                return f"See it happen: {link_of_agent(agent, place)}"
            if agent is not None:
                break
        except (Error, OSError):
            break
        await asyncio.sleep(_LOOK_EVERY_S)
    return "See it happen: telemetry top, or with the extra 'view' a web page"


def command() -> str:
    """How the toolkit's command is called here."""
    beside = Path(sys.executable).with_name("telemetry")
    if not beside.is_file():
        return f"{sys.executable} -m telemetry"
    try:
        return str(beside.relative_to(Path.cwd()))
    except ValueError:
        return str(beside)
