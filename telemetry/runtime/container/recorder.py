"""What a container leaves behind: its black box, and the roads that lead there."""

from __future__ import annotations

import faulthandler
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from telemetry.capture import settings as capture_settings
from telemetry.capture.blackbox import current, loop_pulse
from telemetry.capture.blackbox.current import BoxPlan
from telemetry.capture.blackbox.stacks import StackTeller
from telemetry.capture.blackbox.status import SlotTable
from telemetry.capture.roads import descriptors, registry, streams
from telemetry.policy.loop_watch import THRESHOLD_S
from telemetry.runtime.shield import shielded

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from telemetry.capture.blackbox.loop_pulse import LoopPulse
    from telemetry.capture.settings import Settings
    from telemetry.runtime.container.process import ContainerInit


def begin(init: ContainerInit) -> None:
    """Open the box and watch the roads, before any code of the user's is loaded."""
    settings, spec = init.capture, init.spec
    current.open_box(
        BoxPlan(
            directory=init.boxes,
            name=init.container_id,
            budget_bytes=settings.budget_bytes,
            slots=spec.concurrency.max_inputs,
            identity={
                "service_name": settings.service_name,
                "resource_attributes": dict(settings.resource_attributes),
                "app": spec.app,
                "function": spec.function,
                "container_id": init.container_id,
            },
            guard=shielded,
        )
    )
    streams.ROAD.swallow = True  # what is printed is shown by the driver
    output = descriptors.ROAD
    output.directory, output.label = init.boxes, init.container_id
    output.pass_through = False
    if not faulthandler.is_enabled():
        faulthandler.enable(file=2)  # a fatal error leaves its stack in the box's files
    capture_settings.bound(_bounded)
    capture_settings.apply(settings)


def _bounded(settings: Settings) -> Settings:
    roads = settings.capture
    if roads == registry.LIBRARY_ROADS:
        roads = registry.ALL_ROADS  # its descriptors are nobody else's
    return replace(settings, console=None, capture=roads)


def slot_table() -> SlotTable | None:
    """Where it is written down what runs in which slot; None without a box."""
    box = current.current_box()
    return None if box is None else SlotTable(box.head, box.sizes)


def watch_loop(loop: AbstractEventLoop) -> LoopPulse | None:
    """Let the driver see when *loop* stands still, and who holds it. Main thread."""
    box, pulse = current.current_box(), loop_pulse.install(loop)
    if box is not None and pulse is not None:
        threshold_ns = round(THRESHOLD_S * 1e9)
        StackTeller(box.path, pulse.writer.busy_ns, threshold_ns).install()
    return pulse


def poll() -> None:
    """Record what was written to the descriptors. Transport thread."""
    streams.flush_idle(time.monotonic())
    descriptors.ROAD.poll()


def end() -> None:
    """Say goodbye in the box."""
    current.close_box()
