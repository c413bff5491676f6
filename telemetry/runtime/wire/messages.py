"""The kinds of messages between the driver and a container, first field of each.

Source: ours, private to one installed version; both sides are always the same.
"""

from __future__ import annotations

from typing import Final

# Driver to container.
INIT: Final = 0  # payload: a pickled ContainerInit
RUN: Final = 1  # slot, method, input id, call id, attempt, payload, members or None,
# trace or None: see trace_context.packed, admission: see span_records.Admission;
# a member is (input id, payload, attempt, trace or None)
CANCEL: Final = 2  # slot, input id, cause, mechanism
DRAIN: Final = 3  # finish what runs, run exit hooks, end
STOP: Final = 4  # cancel what runs, run exit hooks, end
CREDIT: Final = 5  # slot, input id, number of further chunks it may send
SETTLED: Final = 6  # call id, index, outcome, payload (of a nested call)
ANSWER: Final = 7  # request number, payload
PROBE: Final = 8  # send what lies ready, even if the user's loop is blocked
ATTACHED: Final = 9  # call id, number of inputs; None when it is not kept

# Container to driver.
READY: Final = 20  # import seconds, enter seconds
FAILED: Final = 21  # phase, payload: a failure
DONE: Final = 22  # slot, how it ended, payload, start, end, and when a cancellation
# was delivered (monotonic ns; 0 where there was no such moment);
# for a batch that returned, the payload's place has a list of (how, payload)
CHUNK: Final = 23  # slot, payload
GOODBYE: Final = 25  # exit hooks are done
ALIVE: Final = 34  # the answer to a probe
LEAVING: Final = 26  # it was told to end by a signal: takes no more inputs
OPEN: Final = 27  # call id, pool payload, method, retain, origin
SUBMIT: Final = 28  # call id, list of (index, input id, payload)
RELEASE_CALL: Final = 29  # call id: nobody listens any more
CANCEL_CALL: Final = 30  # call id, terminate containers
CREDIT_CALL: Final = 31  # call id, number of chunks taken
ATTACH: Final = 32  # call id
ASK: Final = 33  # request number, payload: a pickled question
REJECTED: Final = 35  # call id, input id, why its arguments could not be encoded

# How an execution ended, as its container saw it.
RETURNED: Final = 0
RAISED: Final = 1
UNWOUND: Final = 2  # by the cancellation that was asked for
NEVER_STARTED: Final = 3  # the cancellation came before the body began

INITIAL_CREDIT: Final = 256
"""Chunks a generator may be ahead of its consumer."""
