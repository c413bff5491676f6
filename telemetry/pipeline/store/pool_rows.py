"""Pools as their dispatcher sees them: decisions, bursts, stalled loops, measures."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import orjson

from telemetry.capture import runtime_records as records
from telemetry.pipeline.store.lines import encoded_list
from telemetry.pipeline.store.lives import Lives
from telemetry.pipeline.store.writing import Store

_SAME_STALL_NS: Final = 1_000_000_000
"""Two reports of a loop that began to stand still so close to each other are of one."""


class PoolRows:
    """The tables ``decisions``, ``bursts``, ``blocked`` and ``pools``."""

    def __init__(self, store: Store, lives: Lives) -> None:
        self._store = store
        self._lives = lives

    def scaling_decided(
        self, _process: int, unix_ns: int, seen: records.ScalingDecided
    ) -> None:
        """The autoscaler changed its mind."""
        decision = seen.decision
        self._store.connection.execute(
            "insert into decisions (unix_ns, function, want, have, demand, reason) "
            "values (?, ?, ?, ?, ?, ?)",
            (
                unix_ns,
                self._store.text_number(seen.function),
                decision.want,
                decision.have,
                decision.demand,
                decision.reason,
            ),
        )

    def burst_ended(
        self, _process: int, unix_ns: int, seen: records.BurstEnded
    ) -> None:
        """A stretch above target is over."""
        episode = seen.episode
        self._store.connection.execute(
            "insert into bursts (function, started_ns, ended_ns, peak, containers, "
            "reason) values (?, ?, ?, ?, ?, ?)",
            (
                self._store.text_number(seen.function),
                before(unix_ns, seen.at_s - episode.started_s),
                before(unix_ns, seen.at_s - episode.ended_s),
                episode.peak,
                episode.containers,
                episode.reason,
            ),
        )

    def loop_blocked(
        self, _process: int, unix_ns: int, seen: records.LoopBlocked
    ) -> None:
        """The driver noticed that a loop stands still, or that it turns again."""
        self.stall(
            before(unix_ns, seen.seconds),
            function=self._store.text_number(seen.function),
            container=self._lives.container(seen.container_id).id,
            seconds=seen.seconds,
            over=int(seen.over),
            input=seen.input_id,
            candidates=encoded_list(seen.candidates),
            line=seen.line,
            stack=seen.stack,
            suffered=encoded_list(seen.suffered),
        )

    def stall(self, began_ns: int, **columns: float | str | None) -> None:
        """An event loop stands still since then; more of it may be known already.

        Args:
            columns: Of the table ``blocked``; ``container`` or ``process`` among them.
        """
        run = self._store.connection.execute
        where = "container" if columns.get("container") else "process"
        known = run(
            f"select id from blocked where {where} = ? "
            "and began_ns between ? and ? order by id desc limit 1",
            (columns.get(where), began_ns - _SAME_STALL_NS, began_ns + _SAME_STALL_NS),
        ).fetchone()
        if known is None:
            known = run(
                "insert into blocked (began_ns, seconds, over) values (?, 0, 0) "
                "returning id",
                (began_ns,),
            ).fetchone()
        kept = {key: value for key, value in columns.items() if value is not None}
        seconds = kept.pop("seconds", 0.0)
        over = kept.pop("over", 0)
        # The keys are those of the callers above and of `Intake`.
        more = "".join(f", {key} = ?" for key in kept)
        run(
            "update blocked set seconds = max(seconds, ?), over = max(over, ?)"
            f"{more} where id = ?",
            (seconds, over, *kept.values(), known[0]),
        )

    def pool_declared(
        self, process: int, unix_ns: int, seen: records.PoolDeclared
    ) -> None:
        """What a pool may do."""
        self._put("declared", process, unix_ns, seen)

    def pool_measured(
        self, process: int, unix_ns: int, seen: records.PoolMeasured
    ) -> None:
        """How a pool is now."""
        self._put("measured", process, unix_ns, seen)

    def _put(
        self,
        column: str,
        process: int,
        unix_ns: int,
        seen: records.PoolDeclared | records.PoolMeasured,
    ) -> None:
        fields: dict[str, Any] = msgspec.to_builtins(seen._asdict())
        del fields["at_s"]
        function, pool = fields.pop("function"), fields.pop("pool")
        self._store.connection.execute(
            f"insert into pools (pool, function, unix_ns, process, {column}) "
            "values (?, ?, ?, ?, ?) on conflict (pool) do update set "
            "unix_ns = excluded.unix_ns, process = excluded.process, "
            f"{column} = excluded.{column}",
            (
                pool or function,
                self._store.text_number(function),
                unix_ns,
                process,
                orjson.dumps(fields).decode(),
            ),
        )


def before(unix_ns: int, seconds: float) -> int:
    """So many seconds before *unix_ns*, and never before the epoch.

    Raises:
        ValueError, OverflowError: It is no number of seconds.
    """
    return max(unix_ns - round(max(seconds, 0.0) * 1e9), 1)
