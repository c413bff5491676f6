"""Knative's pod autoscaler (KPA), for comparison with the runtime's own policy.

Source: ``pkg/autoscaler/scaling/autoscaler.go``, ``pkg/reconciler/autoscaling/kpa/
scaler.go`` and ``config/core/configmaps/autoscaler.yaml`` (knative/serving). Pods
are containers here, and what its queue-proxies and its activator report (averages
of one second) is computed from exact demand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from telemetry.policy.scaling import Decision, Reason, Snapshot, explained
from telemetry.policy.windows import (
    NS_PER_S,
    BucketMean,
    SlidingMaximum,
    SteppedMean,
    to_ns,
)

MIN_TARGET: Final = 0.01
"""source: autoscaling.TargetMin."""


@dataclass(frozen=True, slots=True)
class KnativeSettings:
    """The settings of KPA's config map that decide on the number of containers.

    Attributes:
        stable_window_s: Whole seconds of the slow window.
        panic_window_ratio: The fast window as a part of the slow one.
        panic_threshold: Wish over ready containers at which panic begins.
        max_scale_up_rate: Most containers after a decision, per ready one.
        max_scale_down_rate: Ready containers over the fewest after a decision.
        scale_down_delay_s: Seconds that a smaller wish must last.
        activation_scale: Fewest containers while there is any demand.
        target_utilization: Part of the target that containers should use; 1 makes
            it the target itself.
        to_zero_grace_s: Seconds that the last container outlives the wish for
            none; 0 is the way of a revision that the activator already fronts.
        tick_s: Seconds from one decision to the next.
    """

    # source: config/core/configmaps/autoscaler.yaml; tick: scaling.tickInterval.
    stable_window_s: int = 60
    panic_window_ratio: float = 0.1
    panic_threshold: float = 2.0
    max_scale_up_rate: float = 1000.0
    max_scale_down_rate: float = 2.0
    scale_down_delay_s: float = 0.0
    activation_scale: int = 1
    target_utilization: float = 0.7
    to_zero_grace_s: float = 30.0
    tick_s: float = 2.0


class KnativeAutoscaler:
    """KPA: a slow window that follows, a fast one that panics and never shrinks.

    Between ticks the last wish stands. The first input of a pool without containers
    brings a tick at once, as the activator's poke does.
    """

    def __init__(self, settings: KnativeSettings | None = None) -> None:
        self._settings = settings or KnativeSettings()
        stable_s = self._settings.stable_window_s
        self._stable = BucketMean(stable_s)
        self._panic = BucketMean(
            max(1, round(stable_s * self._settings.panic_window_ratio))
        )
        self._second = SteppedMean(NS_PER_S)
        self._delayed = SlidingMaximum()
        self._started = False
        self._bucket_ns = 0  # where the present one-second bucket ends
        self._tick_ns = 0  # when the next tick is due
        self._want = 0
        self._demand = 0.0
        self._reason = Reason.STEADY
        self._panic_since_ns: int | None = None
        self._most_in_panic = 0
        # Invariant: at most one of the two is set; neither before the first tick.
        self._active_since_ns: int | None = None
        self._inactive_since_ns: int | None = None

    def decide(self, snapshot: Snapshot, now_s: float) -> Decision:
        """What to do now; decides anew on ticks and pokes only."""
        now_ns = to_ns(now_s)
        if not self._started:
            self._start(snapshot, now_ns)
        self._record(snapshot, now_ns)
        poked = self._want == snapshot.have == 0 and snapshot.queued > 0
        if poked:
            # The activator reports what waits with it, besides its reports of
            # each second.
            for window in (self._stable, self._panic):
                window.add(now_ns // NS_PER_S, float(snapshot.slots))
        due = now_ns >= self._tick_ns
        if due:
            period_ns = to_ns(self._settings.tick_s)
            missed = (now_ns - self._tick_ns) // period_ns
            self._tick_ns += (missed + 1) * period_ns
        if due or poked:
            self._tick(snapshot, now_ns)
        rise = Reason.FROM_ZERO if poked else self._reason
        return explained(
            snapshot,
            wanted=self._want,
            demand=self._demand,
            rise=Reason.DEMAND if rise is Reason.STEADY else rise,
            hold=self._reason,
        )

    def next_change_s(self, now_s: float) -> float | None:
        """Seconds until the next tick; None before the first decision."""
        if not self._started:
            return None
        return max(0, self._tick_ns - to_ns(now_s)) / NS_PER_S

    @property
    def panicking(self) -> bool:
        """Whether only growth is acted on now."""
        return self._panic_since_ns is not None

    def _start(self, snapshot: Snapshot, now_ns: int) -> None:
        # source: newAutoscaler: without history, what there is must not shrink.
        self._started = True
        self._want = self._most_in_panic = snapshot.have
        if snapshot.ready > 1:
            self._panic_since_ns = now_ns
        self._bucket_ns = (now_ns // NS_PER_S + 1) * NS_PER_S
        self._tick_ns = (now_ns // NS_PER_S) * NS_PER_S + to_ns(self._settings.tick_s)

    def _record(self, snapshot: Snapshot, now_ns: int) -> None:
        # Nobody reports for longer than the window back, so a long silence costs
        # at most one window of buckets.
        oldest_ns = (now_ns // NS_PER_S - self._settings.stable_window_s) * NS_PER_S
        self._bucket_ns = max(self._bucket_ns, oldest_ns)
        while self._bucket_ns <= now_ns:
            area = self._second.area(self._bucket_ns)
            if area or snapshot.have or snapshot.draining:
                for window in (self._stable, self._panic):
                    window.add(self._bucket_ns // NS_PER_S, area / NS_PER_S)
            self._bucket_ns += NS_PER_S
        self._second.set(now_ns, snapshot.slots)

    def _tick(self, snapshot: Snapshot, now_ns: int) -> None:
        second = now_ns // NS_PER_S
        slow, fast = self._stable.mean(second), self._panic.mean(second)
        if slow is None or fast is None:
            return  # source: ErrNoData: the wish stays as it is
        wish = self._wish(snapshot, now_ns, slow, fast)
        self._demand = fast if self.panicking else slow
        delay_ns = to_ns(self._settings.scale_down_delay_s)
        self._reason = Reason.PANIC if self.panicking else Reason.STEADY
        if delay_ns:
            self._delayed.push(now_ns, wish)
            delayed = self._delayed.maximum(now_ns, delay_ns)
            if delayed > wish:
                self._reason = Reason.HOLD_WINDOW
            wish = delayed
        self._want = self._last_container(snapshot, now_ns, wish)

    def _wish(self, snapshot: Snapshot, now_ns: int, slow: float, fast: float) -> int:
        rules = self._settings
        # source: autoscaler.go Scale; ready ones only, and 1 if there is none.
        ready = max(1, snapshot.ready)
        highest = math.ceil(rules.max_scale_up_rate * ready)
        lowest = math.floor(ready / rules.max_scale_down_rate)
        target = max(MIN_TARGET, snapshot.target * rules.target_utilization)

        def bounded(asked: int) -> int:
            wish = min(max(asked, lowest), highest)
            return max(wish, rules.activation_scale) if asked else wish

        asked_slow = math.ceil(round(slow / target, 6))
        asked_fast = math.ceil(round(fast / target, 6))
        if asked_fast / ready >= rules.panic_threshold:
            self._panic_since_ns = now_ns
        elif self._panic_since_ns is not None:
            over_ns = self._panic_since_ns + to_ns(rules.stable_window_s)
            if over_ns < now_ns:
                self._panic_since_ns, self._most_in_panic = None, 0
        if self._panic_since_ns is None:
            return bounded(asked_slow)
        self._most_in_panic = max(
            self._most_in_panic, bounded(asked_slow), bounded(asked_fast)
        )
        return self._most_in_panic

    def _last_container(self, snapshot: Snapshot, now_ns: int, wish: int) -> int:
        # source: kpa/scaler.go handleScaleToZero.
        if wish > 0 or snapshot.limits.min_containers > 0:
            if self._active_since_ns is None:
                self._active_since_ns, self._inactive_since_ns = now_ns, None
            return wish
        rules = self._settings
        if self._active_since_ns is not None:
            if now_ns - self._active_since_ns < to_ns(rules.stable_window_s):
                return min(1, snapshot.have)
            self._active_since_ns = None
        if self._inactive_since_ns is None:
            self._inactive_since_ns = now_ns
        if now_ns - self._inactive_since_ns < to_ns(rules.to_zero_grace_s):
            return min(1, snapshot.have)
        return 0
