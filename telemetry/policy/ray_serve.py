"""Ray Serve's default autoscaling policy, for comparison with the runtime's own.

Source: ``python/ray/serve/autoscaling_policy.py`` and ``config.py`` (ray 2.60).
Replicas are containers here. Its sampling (every 6 s) and pushing (every 10 s) of
metrics is not modelled: demand is known exactly, so this policy is at its best.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from telemetry.policy.scaling import Decision, Reason, Snapshot, explained
from telemetry.policy.windows import SteppedMean, to_ns


@dataclass(frozen=True, slots=True)
class RayServeSettings:
    """The fields of ``AutoscalingConfig`` that decide on the number of replicas.

    Attributes:
        look_back_period_s: Seconds over which demand is averaged.
        upscale_delay_s: Seconds that a greater wish must last.
        downscale_delay_s: Seconds that a smaller wish must last.
        downscale_to_zero_delay_s: The same from one to none; None takes
            ``downscale_delay_s``.
        upscaling_factor: Gain on a positive difference.
        downscaling_factor: Gain on a negative difference.
        control_loop_s: Seconds from one decision to the next.
    """

    # source: config.py; loop: RAY_SERVE_CONTROL_LOOP_INTERVAL_S.
    look_back_period_s: float = 30.0
    upscale_delay_s: float = 30.0
    downscale_delay_s: float = 600.0
    downscale_to_zero_delay_s: float | None = None
    upscaling_factor: float = 1.0
    downscaling_factor: float = 1.0
    control_loop_s: float = 0.1


class RayServeAutoscaler:
    """A long mean, and a delay in each direction before a wish is acted on."""

    def __init__(self, settings: RayServeSettings | None = None) -> None:
        self._settings = settings or RayServeSettings()
        self._mean = SteppedMean(to_ns(self._settings.look_back_period_s))
        # None before the first decision, which takes over what there is.
        self._target: int | None = None
        # Invariant: both 0 and None, or the way the wish goes and since when.
        self._way = 0
        self._since_ns: int | None = None

    def decide(self, snapshot: Snapshot, now_s: float) -> Decision:
        """What to do now."""
        now_ns = to_ns(now_s)
        self._mean.set(now_ns, snapshot.slots)
        demand = self._mean.mean_since_first(now_ns)
        current = self._target if self._target is not None else snapshot.have
        if snapshot.ready == 0:
            wanted = self._from_zero(snapshot, current)
            rise, hold = Reason.FROM_ZERO, Reason.STEADY
        else:
            wish = snapshot.limits.clamp(self._scaled(snapshot, demand))
            wanted = self._delayed(wish, current, now_ns)
            rise = Reason.DEMAND
            hold = Reason.DELAY if self._way else Reason.STEADY
        self._target = snapshot.limits.clamp(wanted)
        return explained(snapshot, wanted=wanted, demand=demand, rise=rise, hold=hold)

    def next_change_s(self, now_s: float) -> float | None:
        """Seconds until the next decision can differ; None when it cannot."""
        if self._target is None:
            return None
        demand = self._mean.mean_since_first(to_ns(now_s))
        if self._way or demand != self._mean.value:
            return self._settings.control_loop_s
        return None

    def _from_zero(self, snapshot: Snapshot, current: int) -> int:
        # source: _get_cold_start_scale_up_replicas: no window and no delay.
        if snapshot.slots == 0:
            return current
        return max(math.ceil(self._settings.upscaling_factor), current)

    def _scaled(self, snapshot: Snapshot, demand: float) -> int:
        # source: _apply_scaling_factors; running replicas only.
        running = snapshot.ready
        asked = demand / snapshot.target
        grows = asked > running
        rules = self._settings
        factor = rules.upscaling_factor if grows else rules.downscaling_factor
        scaled = math.ceil(round(running + factor * (asked - running), 6))
        stuck = math.ceil(asked) < running and scaled == running
        return scaled - 1 if stuck else scaled

    def _delayed(self, wish: int, current: int, now_ns: int) -> int:
        # source: _apply_delay_logic; a change of direction starts anew.
        way = (wish > current) - (wish < current)
        if way != self._way or self._since_ns is None:
            self._way, self._since_ns = way, now_ns
        if way == 0:
            self._since_ns = None
            return current
        if way < 0 and current > 1:
            wish = max(1, wish)  # to none only from one
        if now_ns - self._since_ns < self._delay_ns(way, current):
            return current
        self._way, self._since_ns = 0, None
        return wish

    def _delay_ns(self, way: int, current: int) -> int:
        rules = self._settings
        if way > 0:
            return to_ns(rules.upscale_delay_s)
        to_zero_s = rules.downscale_to_zero_delay_s
        if current == 1 and to_zero_s is not None:
            return to_ns(to_zero_s)
        return to_ns(rules.downscale_delay_s)
