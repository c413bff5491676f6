"""What becomes of inputs whose execution ended: carries out the policy's verdict."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from telemetry.capture.runtime_records import Cancelled, InputInterrupted, InputSettled
from telemetry.core.errors import (
    FunctionTimeoutError,
    InputCancelledError,
    InternalFailure,
)
from telemetry.core.outcome import Outcome
from telemetry.policy.retries import MAX_LOSSES
from telemetry.policy.settling import (
    Action,
    Cause,
    How,
    Verdict,
    observed,
    verdict,
)
from telemetry.runtime.calls import Settled
from telemetry.runtime.wire import payload

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telemetry.runtime.driver.inputs import Execution, Input
    from telemetry.runtime.driver.services import Services
    from telemetry.runtime.driver.waiting_line import InputQueue
    from telemetry.runtime.spec import PoolSpec
    from telemetry.runtime.wire.frames import Payload


class Ending(NamedTuple):
    """How one input's execution ended, with what it returned or raised.

    Attributes:
        run_s: How long the body ran; None where it never had a slot.
        delivered_s: When a cancellation reached the body, if its container said so.
        ended_s: When the body had ended; None where that is not known. As all times,
            of the one monotonic clock that the processes of a machine share.
        error: What the failure in *payload* is, in words, if nobody else says it.
    """

    how: How
    payload: Payload = b""
    run_s: float | None = None
    delivered_s: float | None = None
    ended_s: float | None = None
    error: str = ""


class Settler:
    """Settles, retries and reschedules the inputs of a pool.

    Invariant: an input settles once. `Input.settled` is set here and nowhere
    else, and nothing is done for an input that has it.

    Args:
        on_change: Called when the queue has grown.
    """

    def __init__(
        self,
        spec: PoolSpec,
        services: Services,
        queue: InputQueue,
        on_change: Callable[[], None],
    ) -> None:
        self._spec = spec
        self._services = services
        self._queue = queue
        self._on_change = on_change
        # Inputs that wait for the moment of their retry, with no place anywhere.
        self._waiting: dict[Input, None] = {}
        self._names = [spec.full_name(i) for i in range(len(spec.methods))]
        self._pool = spec.key
        self.outcomes = dict.fromkeys(Outcome, 0)

    @property
    def waiting(self) -> Sequence[Input]:
        """Inputs that wait for the moment of their retry."""
        return list(self._waiting)

    def succeed(self, input_: Input, data: Payload, run_s: float) -> None:
        """The common end, kept short: it returned and nobody had asked it to end."""
        if input_.settled:
            return
        input_.settled = True
        self.outcomes[Outcome.SUCCESS] += 1
        self._services.deliver(
            input_.sink, Settled(input_.index, Outcome.SUCCESS, data)
        )
        if self._services.report is not None:
            self._report(input_, Outcome.SUCCESS, Ending(How.RETURNED, data, run_s))

    def conclude(self, execution: Execution, ending: Ending) -> None:
        """All inputs of an execution ended in the same way."""
        back = [each for each in execution.inputs if self.end(each, execution, ending)]
        if back:
            self.put_back(back)

    def end(self, input_: Input, execution: Execution, ending: Ending) -> bool:
        """One input's execution ended; True when it has to run again now."""
        if input_.settled:
            return False
        if execution is not input_:
            _inherit(input_, execution)
        if ending.how is How.DIED and input_.cause is None:
            input_.losses += 1
        decided = self._verdict(input_, ending.how)
        if decided.outcome is not None:
            self.settle(input_, decided.outcome, ending)
            return False
        self._interrupted(input_, decided.action, ending)
        if decided.action is Action.RESCHEDULE:
            return True
        input_.retries += 1
        self._waiting[input_] = None
        self._services.later(decided.delay_s, lambda: self._retry(input_))
        return False

    def give_up(self, input_: Input, execution: Execution, ending: Ending) -> None:
        """Its body is stuck: settle it, unless it is to run again.

        What runs again waits for the death of the container, so that an input
        never runs twice at once.
        """
        if execution is not input_:
            _inherit(input_, execution)
        outcome = self._verdict(input_, ending.how).outcome
        if outcome is not None:
            self.settle(input_, outcome, ending)

    def put_back(self, inputs: Sequence[Input]) -> None:
        """Interrupted inputs run again, before anybody who came after them."""
        for each in inputs:
            _begin_again(each, time.monotonic())
        self._queue.put_back(inputs)
        self._on_change()

    def settle(self, input_: Input, outcome: Outcome, ending: Ending) -> None:
        """The input has its outcome, for good."""
        if input_.settled:
            return
        input_.settled = True
        self._waiting.pop(input_, None)
        self.outcomes[outcome] += 1
        data = ending.payload or payload.dump_failure(self._error(input_, outcome))
        self._services.deliver(input_.sink, Settled(input_.index, outcome, data))
        if self._services.report is not None:
            failed = outcome is not Outcome.SUCCESS
            name = payload.failure_name(data) if failed else ""
            self._report(input_, outcome, ending, name)

    def cancel_unstarted(self, input_: Input, cause: Cause) -> None:
        """Drop an input that has no slot: it never starts (again)."""
        input_.cause = cause
        input_.requested_s = time.monotonic()
        input_.container = None
        self.settle(input_, Outcome.CANCELLED, Ending(How.NEVER_STARTED))

    def fail_unstarted(self, input_: Input, data: Payload, error: str) -> None:
        """Settle an input that has no slot as an error."""
        ending = Ending(How.NEVER_STARTED, data, error=error)
        self.settle(input_, Outcome.ERROR, ending)

    def _verdict(self, input_: Input, how: How) -> Verdict:
        return verdict(
            how,
            input_.cause,
            rule=self._spec.retries,
            retries=input_.retries,
            losses=input_.losses,
            repeatable=not input_.streamed,
        )

    def _retry(self, input_: Input) -> None:
        if self._waiting.pop(input_, 0) is None:
            _begin_again(input_, time.monotonic())
            self._queue.add([input_])
            self._on_change()

    def _interrupted(self, input_: Input, action: Action, ending: Ending) -> None:
        if self._services.report is None or input_.container is None:
            return
        lost = ending.how is How.DIED and input_.cause is None
        if action is Action.RETRY:
            outcome = Outcome.TIMEOUT if input_.cause else Outcome.ERROR
            reason, why = "retry", outcome.value
        elif lost:
            outcome, reason, why = Outcome.LOST, "lost", "crash"
        else:
            outcome, reason = Outcome.CANCELLED, "neighbour"
            why = input_.container.exit_reason or "crash"
        now_s = time.monotonic()
        elapsed_s = now_s - input_.dispatched_s
        self._services.report(
            InputInterrupted(
                at_s=now_s,
                function=self._names[input_.method],
                input_id=input_.input_id,
                function_call_id=input_.sink.call_id,
                attempt=input_.attempt,
                container_id=input_.container.container_id,
                slot=input_.slot,
                elapsed_s=elapsed_s,
                reason=reason,
                outcome=outcome,
                zone=input_.zone,
                run_s=elapsed_s if ending.run_s is None else ending.run_s,
                why=why,
                cancelled=_cancelled(input_, ending),
                pool=self._pool,
                trace=input_.origin.trace,
                died=ending.how is How.DIED,
            )
        )

    def _error(self, input_: Input, outcome: Outcome) -> Exception:
        name = self._names[input_.method]
        if outcome is Outcome.TIMEOUT:
            return FunctionTimeoutError(
                f"input {input_.input_id} of {name!r} ran longer than "
                f"{self._spec.timeout_s:g} s (its timeout); raise timeout= or make "
                "the work smaller"
            )
        if outcome is Outcome.LOST and input_.streamed:
            return InternalFailure(
                f"input {input_.input_id} of {name!r} was lost with its container "
                "after it had sent chunks; a generator is not started again then"
            )
        if outcome is Outcome.LOST:
            return InternalFailure(
                f"input {input_.input_id} of {name!r} was lost: its container died "
                f"{input_.losses} times (at most {MAX_LOSSES} are forgiven); look for "
                "os._exit, crashes in C code or memory that runs out"
            )
        return InputCancelledError(
            f"input {input_.input_id} of {name!r} was cancelled "
            f"({input_.cause.value if input_.cause else 'user'})"
        )

    def _report(
        self, input_: Input, outcome: Outcome, ending: Ending, error_type: str = ""
    ) -> None:
        if self._services.report is None:
            return
        now_s = time.monotonic()
        container = input_.container
        # Without a zone it was not started since it was enqueued last; with one it may
        # have lost its container again, and wait for the moment of its retry.
        started_s = now_s if input_.zone is None else input_.dispatched_s
        self._services.report(
            InputSettled(  # by position, as every input comes here
                now_s,
                self._names[input_.method],
                input_.input_id,
                input_.sink.call_id,
                outcome,
                input_.attempt,
                None if container is None else container.container_id,
                None if container is None else input_.slot,
                input_.zone,
                started_s - input_.enqueued_s,
                ending.run_s,
                now_s - input_.first_enqueued_s,
                _cancelled(input_, ending),
                self._pool,
                input_.origin.trace,
                ending.how is How.DIED,
                ending.error,
                error_type,
            )
        )


def _cancelled(input_: Input, ending: Ending) -> Cancelled | None:
    if input_.cause is None:
        return None
    queued = input_.container is None
    return Cancelled(
        cause=input_.cause.value,
        phase="queued" if queued else "running",
        mechanism=None if queued else input_.mechanism,
        observed=None if queued else observed(ending.how, input_.cause),
        requested_s=input_.requested_s,
        delivered_s=ending.delivered_s,
        ended_s=ending.ended_s,
    )


def _inherit(input_: Input, execution: Execution) -> None:
    """A batch's member takes over what happened to the batch."""
    input_.container = execution.container
    input_.slot = execution.slot
    input_.dispatched_s = execution.dispatched_s
    input_.zone = execution.zone
    if input_.cause is None:
        input_.cause = execution.cause
        input_.requested_s = execution.requested_s
        input_.mechanism = execution.mechanism


def _begin_again(input_: Input, now_s: float) -> None:
    input_.attempt += 1
    input_.enqueued_s = now_s
    input_.container = None
    input_.cause = None
    input_.mechanism = None
    input_.zone = None
