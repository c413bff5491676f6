"""Calls that bodies make: a container's requests, and the way back to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry.runtime.origin import Origin
from telemetry.runtime.wire import messages, payload
from telemetry.runtime.wire.frames import incoming, outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telemetry.runtime.calls import Settled
    from telemetry.runtime.driver.containers import ContainerHandle
    from telemetry.runtime.driver.dispatcher import Dispatcher
    from telemetry.runtime.driver.inputs import Sink
    from telemetry.runtime.spec import PoolSpec
    from telemetry.runtime.wire.frames import Payload


class Relay:
    """Sends the settlements of one nested call back to its container."""

    def __init__(self, call_id: str, container: ContainerHandle) -> None:
        self.call_id = call_id
        self._container = container

    def deliver(self, settled: Sequence[Settled]) -> None:
        """Pass settlements on; a dead container takes none."""
        for each in settled:
            self._container.outgoing.append(
                (
                    messages.SETTLED,
                    self.call_id,
                    each.index,
                    None if each.outcome is None else each.outcome.value,
                    outgoing(each.payload),
                )
            )
        self._container.flush()


class _Nested:
    """One open call of a container."""

    __slots__ = ("method", "origin", "retained", "sink", "spec")

    def __init__(self, spec: PoolSpec, method: int, sink: Sink, origin: Origin) -> None:
        self.spec = spec
        self.method = method
        self.sink = sink
        self.origin = origin
        self.retained = not isinstance(sink, Relay)


class Relays:
    """The nested calls of one container. The dispatcher's thread only."""

    def __init__(self, dispatcher: Dispatcher, container: ContainerHandle) -> None:
        self._dispatcher = dispatcher
        self._container = container
        self._calls: dict[str, _Nested] = {}
        self._handlers: dict[int, Callable[..., None]] = {
            messages.OPEN: self._open,
            messages.SUBMIT: self._submit,
            messages.REJECTED: self._reject,
            messages.RELEASE_CALL: self._release,
            messages.CANCEL_CALL: self._cancel,
            messages.CREDIT_CALL: self._credit,
            messages.ATTACH: self._attach,
            messages.ASK: self._ask,
        }

    def on_message(self, message: Sequence[Any], blobs: Sequence[Payload]) -> bool:
        """Handle a request of the container; False when it is none."""
        handler = self._handlers.get(message[0])
        if handler is None:
            return False
        handler(*message[1:], blobs)
        return True

    def close(self) -> None:
        """The container is gone: what it waited for is wanted by nobody."""
        for call_id, nested in self._calls.items():
            if not nested.retained:
                self._dispatcher.cancel(nested.spec, call_id, terminate=False)
        self._calls.clear()

    def _open(  # noqa: PLR0913, PLR0917 - the fields of one message
        self,
        call_id: str,
        key: Sequence[str],
        pool: bytes | int | None,
        method: int,
        retain: bool,  # noqa: FBT001 - a field of a message
        origin: Sequence[str | None],
        blobs: Sequence[Payload],
    ) -> None:
        if pool is None:
            spec = self._dispatcher.known_spec(key[0], key[1])
        else:
            spec = self._dispatcher.learn(payload.loads(incoming(pool, blobs)))
        sink: Sink = Relay(call_id, self._container)
        if retain:
            call = self._dispatcher.retain(spec, call_id)
            call.attach(sink)
            sink = call
        self._calls[call_id] = _Nested(spec, method, sink, Origin(*origin))

    def _submit(
        self, call_id: str, rows: Sequence[Sequence[Any]], blobs: Sequence[Payload]
    ) -> None:
        nested = self._calls.get(call_id)
        if nested is None:
            return
        packed = [
            (index, input_id, incoming(field, blobs)) for index, input_id, field in rows
        ]
        if nested.retained:
            self._dispatcher.adopt(nested.sink, packed[-1][0] + 1)
        self._dispatcher.accept(
            nested.spec, nested.method, nested.sink, packed, nested.origin
        )

    def _reject(
        self, call_id: str, input_id: str, error: str, _blobs: Sequence[Payload]
    ) -> None:
        nested = self._calls.get(call_id)
        if nested is not None:
            parent_id = nested.origin.input_id
            refused = (input_id, error)
            self._dispatcher.reject(
                nested.spec, nested.method, call_id, refused, parent_id
            )

    def _release(self, call_id: str, _blobs: Sequence[Payload]) -> None:
        self._calls.pop(call_id, None)

    def _cancel(
        self,
        call_id: str,
        terminate: bool,  # noqa: FBT001 - a field of a message
        _blobs: Sequence[Payload],
    ) -> None:
        nested = self._calls.get(call_id)
        if nested is not None:
            self._dispatcher.cancel(nested.spec, call_id, terminate=terminate)
            return
        call = self._dispatcher.find_retained(call_id)  # known by its id only
        if call is not None:
            call.cancel(terminate_containers=terminate)

    def _credit(self, call_id: str, chunks: int, _blobs: Sequence[Payload]) -> None:
        nested = self._calls.get(call_id)
        if nested is not None:
            self._dispatcher.credit(nested.spec, call_id, chunks)

    def _attach(self, call_id: str, _blobs: Sequence[Payload]) -> None:
        call = self._dispatcher.find_retained(call_id)
        inputs = None if call is None else call.num_inputs
        self._container.outgoing.append((messages.ATTACHED, call_id, inputs))
        if call is not None:
            call.attach(Relay(call_id, self._container))
        self._container.flush()

    def _ask(self, number: int, field: bytes | int, blobs: Sequence[Payload]) -> None:
        question = payload.loads(incoming(field, blobs))
        answer = payload.dumps(self._dispatcher.answer(question))
        self._container.outgoing.append((messages.ANSWER, number, answer))
        self._container.flush()
