"""The status page of a container: its slots, the pulse of its loop, its stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.capture import sink
from telemetry.capture.blackbox import current, loop_pulse
from telemetry.capture.blackbox.stacks import StackTeller
from telemetry.capture.blackbox.status import SlotTable
from telemetry.policy.loop_watch import THRESHOLD_S

if TYPE_CHECKING:
    import asyncio

    from telemetry.capture.blackbox.loop_pulse import LoopPulse


class StatusPage:
    """What this container shows of itself while it runs. Main thread.

    Without a black box, and without a loop, the parts that need one are None.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self.slots: SlotTable | None = None
        self.pulse: LoopPulse | None = None
        self._teller: StackTeller | None = None
        box = current.current_box()
        if box is None:
            return
        self.slots = SlotTable(box.head, box.sizes)
        if loop is not None:
            self.pulse = loop_pulse.install(loop)
        if self.pulse is not None:
            threshold_ns = round(THRESHOLD_S * 1e9)
            busy_ns = self.pulse.writer.busy_ns
            self._teller = StackTeller(box.path, busy_ns, threshold_ns)
            if not self._teller.install():
                self._teller = None

    def close(self) -> None:
        """No inputs run here any more."""
        try:
            if self.pulse is not None:
                self.pulse.uninstall()
            if self._teller is not None:
                self._teller.uninstall()
        except Exception as error:  # noqa: BLE001 - the end must go on
            sink.failed(error, "page")
