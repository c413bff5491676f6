"""What an engine must offer to run containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry.runtime.wire.frames import Frame, Message


class ContainerLink(Protocol):
    """One container, from the dispatcher's side. The dispatcher's thread only."""

    @property
    def pid(self) -> int | None:
        """Process id, once it is known."""
        ...

    def send(self, messages: Sequence[Message]) -> None:
        """Send a frame; never blocks; silently nothing when it is dead."""
        ...

    def kill(self) -> None:
        """End it and its processes at once, whatever it does; idempotent."""
        ...


class ContainerEvents(Protocol):
    """What a backend reports of a container, in the dispatcher's thread."""

    def on_frame(self, frame: Frame) -> None:
        """It sent messages."""
        ...

    def on_death(self, status: int | None, why: str | None) -> None:
        """It is gone, and everything that it had sent was reported before.

        Args:
            status: The exit code; negative for a signal; None when unknown.
            why: What prevented its start, when that is not the container's doing.
        """
        ...


class Backend(Protocol):
    """Starts containers. The dispatcher's thread only."""

    def start(self, container_id: str, events: ContainerEvents) -> ContainerLink:
        """Begin to start a container; messages may be sent to it at once."""
        ...

    def close(self) -> None:
        """No container is left, or none will be waited for; free everything."""
        ...
