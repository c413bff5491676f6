"""Where programs with plain OpenTelemetry send to: OTLP over HTTP, and over gRPC."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from telemetry.pipeline.agent.wanted import Address, AgentWanted
from telemetry.pipeline.receiver.receiver import Receiver

if TYPE_CHECKING:
    from telemetry.pipeline.receiver.grpc_receiver import GrpcReceiver
    from telemetry.pipeline.receiver.received import Inbox

_ANY_PORT: Final = 0
_END_S: Final = 1.0


class IntakeServer:
    """The receivers of an agent.

    Args:
        inbox: Gets what they accept.
        on_problem: Told what a person should know.

    Attributes:
        url: Where OTLP over HTTP is taken; "" where it is not.
        grpc: The same over gRPC, as ``host:port``.
    """

    def __init__(
        self, wanted: AgentWanted, inbox: Inbox, on_problem: Callable[[str], object]
    ) -> None:
        self._wanted = wanted
        self._inbox = inbox
        self._on_problem = on_problem
        self._http: Receiver | None = None
        self._grpc: GrpcReceiver | None = None
        self.url = ""
        self.grpc = ""

    def start(self) -> None:
        """Listen.

        Raises:
            InvalidError: The address can be reached by others, and there is no token.
            OSError: It was asked for, and cannot be had.
        """
        where = self._wanted.receive
        if where is None:
            return
        try:
            self._http = self._listening(where.port, where)
        except OSError:
            if self._wanted.is_preferred:
                raise
            # Another user's agent has the port that is usual: any other will do.
            self._http = self._listening(_ANY_PORT, where)
        self.url = f"http://{_shown(where.host)}:{self._http.port}"
        if find_spec("grpc") is not None:
            self._start_grpc(where)

    def stop(self) -> None:
        """Take no more."""
        for receiver in (self._http, self._grpc):
            # Python 3.12 makes no threads at the end of a program, and gRPC wants one.
            with contextlib.suppress(RuntimeError):
                if receiver is not None:
                    receiver.close(_END_S)
        self._http = self._grpc = None

    def _listening(self, port: int, where: Address) -> Receiver:
        receiver = Receiver(
            self._inbox.offer,
            host=where.host,
            port=port,
            token=self._wanted.token,
            on_error=self._failed,
        )
        receiver.start()
        return receiver

    def _start_grpc(self, where: Address) -> None:
        from telemetry.pipeline.receiver.grpc_receiver import GrpcReceiver  # noqa: PLC0415  # an extra

        port = self._wanted.grpc_port
        receiver = GrpcReceiver(
            self._inbox.offer,
            host=where.host,
            port=port,
            token=self._wanted.token,
            on_error=self._failed,
        )
        try:
            receiver.start()
        except OSError as error:
            self._on_problem(f"OTLP over gRPC is not taken: {error}")
            return
        self._grpc = receiver
        self.grpc = f"{_shown(where.host)}:{receiver.port}"

    def _failed(self, error: BaseException) -> None:
        self._on_problem(f"the receiver failed at a request: {error}")


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
