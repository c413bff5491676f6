"""Calls that a body makes: the same verbs, carried to the driver's dispatcher."""

from __future__ import annotations

import threading
import weakref
from itertools import count
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from telemetry.core.errors import ExecutionError
from telemetry.core.ids import CALL_PREFIX, INPUT_PREFIX
from telemetry.core.outcome import Outcome
from telemetry.runtime import origin
from telemetry.runtime.asking import Asking
from telemetry.runtime.calls import Call, Settled
from telemetry.runtime.wire import messages, payload
from telemetry.runtime.wire.frames import incoming, outgoing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry.core.ids import IdSource
    from telemetry.runtime.calls import Row
    from telemetry.runtime.container.outbox import Outbox
    from telemetry.runtime.spec import PoolSpec
    from telemetry.runtime.wire.frames import Message, Payload

_ATTACH_S: Final = 5.0
"""How long `attach` waits for the driver's word."""


class ContainerSession(Asking):
    """The `Session`, and the link of its calls, inside a container.

    Safe from any thread; `settled`, `attached` and `answered` come from the
    transport thread.
    """

    def __init__(self, outbox: Outbox, ids: IdSource) -> None:
        self._outbox = outbox
        self._ids = ids
        self._calls: weakref.WeakValueDictionary[str, Call] = (
            weakref.WeakValueDictionary()
        )
        self._known: set[str] = set()  # tags of pools that the driver has heard of
        self._questions = count()
        self._answers: dict[int, SimpleQueue[Any]] = {}
        self._attaching: dict[str, SimpleQueue[None]] = {}
        self._lock = threading.Lock()

    def open(self, pool: PoolSpec, method: int, *, retain: bool, stream: bool) -> Call:
        """A new function call; its inputs carry this input as their parent."""
        call = Call(self, self._ids.one(CALL_PREFIX), retain=retain, stream=stream)
        self._calls[call.call_id] = call
        # When nobody holds it any more, the driver need not remember it either.
        forget = (messages.RELEASE_CALL, call.call_id)
        weakref.finalize(call, self._send, forget).atexit = False
        with self._lock:
            new = pool.tag not in self._known
            self._known.add(pool.tag)
            # Under the lock: whoever finds the tag known sends after the spec.
            self._outbox.put(
                (
                    messages.OPEN,
                    call.call_id,
                    (pool.app, pool.tag),
                    payload.dumps(pool) if new else None,
                    method,
                    retain,
                    origin.here(),
                )
            )
        self._outbox.flush()
        return call

    def attach(self, call_id: str) -> Call:
        """The retained call of that id; waits for what the driver knows of it."""
        call = self._calls.get(call_id)
        if call is None or not call.retain:
            call = Call(self, call_id, retain=True)
            self._calls[call_id] = call
            known = self._attaching[call_id] = SimpleQueue()
            self._send((messages.ATTACH, call_id))
            try:
                known.get(timeout=_ATTACH_S)
            except Empty:
                pass  # its results may still come
            finally:
                del self._attaching[call_id]
        return call

    def new_input_ids(self, count: int) -> list[str]:
        """Fresh ids, in rising order."""
        return self._ids.take(INPUT_PREFIX, count)

    def submit(self, call: Call, rows: Sequence[Row]) -> None:
        """Send inputs to the dispatcher."""
        packed = [(index, input_id, outgoing(data)) for index, input_id, data in rows]
        self._send((messages.SUBMIT, call.call_id, packed))

    def reject(self, call: Call, input_id: str, error: str) -> None:
        """Tell the dispatcher, which keeps the records."""
        self._send((messages.REJECTED, call.call_id, input_id, error))

    def cancel(self, call: Call, *, terminate_containers: bool) -> None:
        """Ask for the cancellation of what has not settled."""
        self._send((messages.CANCEL_CALL, call.call_id, terminate_containers))

    def credit(self, call: Call, chunks: int) -> None:
        """Tell the generator's side that chunks were taken."""
        self._send((messages.CREDIT_CALL, call.call_id, chunks))

    def release(self, call: Call) -> None:
        """Nobody will take what is still to come."""
        self._calls.pop(call.call_id, None)
        self._send((messages.RELEASE_CALL, call.call_id))

    def settled(self, message: Sequence[Any], blobs: Sequence[Payload]) -> None:
        """An input of a nested call settled, or a chunk of it came."""
        _, call_id, index, outcome, field = message
        call = self._calls.get(call_id)
        if call is not None:
            ended = None if outcome is None else Outcome(outcome)
            call.deliver([Settled(index, ended, incoming(field, blobs))])

    def attached(self, call_id: str, inputs: int | None) -> None:
        """The driver knows the call, or keeps nothing of it."""
        call = self._calls.get(call_id)
        if call is None:
            return
        if inputs is None:
            call.expire()
        else:
            call.adopt(inputs)
        waiting = self._attaching.get(call_id)
        if waiting is not None:
            waiting.put(None)

    def answered(self, number: int, data: Payload) -> None:
        """The answer to a question."""
        waiting = self._answers.get(number)
        if waiting is not None:
            waiting.put(payload.loads(data))

    def _ask(self, question: tuple[Any, ...], timeout_s: float) -> Any:  # noqa: ANN401 - differs by question
        number = next(self._questions)
        waiting = self._answers[number] = SimpleQueue()
        try:
            self._send((messages.ASK, number, payload.dumps(question)))
            return waiting.get(timeout=timeout_s)
        except Empty:
            raise ExecutionError(
                f"the driver did not answer within {timeout_s:g} s"
            ) from None
        finally:
            del self._answers[number]

    def _send(self, message: Message) -> None:
        self._outbox.put(message)
        self._outbox.flush()
