"""What the store knows of this moment."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import orjson

from telemetry.pipeline.store.queries.reading import Reader
from telemetry.view.answers.pages import BlockedNow
from telemetry.view.asking.containers import containers
from telemetry.view.moment import Known

MOST: Final = 500

_POOLS: Final = """
select t.text, p.unix_ns, p.declared, p.measured from pools p
join texts t on t.id = p.function
"""
_BLOCKED: Final = """
select c.container_id, b.seconds, b.input, b.line from blocked b
join containers c on c.id = b.container where b.over = 0 and b.began_ns > ?
order by b.began_ns
"""
_RECENT_NS: Final = 600_000_000_000


def present(reader: Reader, now_ns: int, settled: dict[str, dict[str, int]]) -> Known:
    """Containers that live, pools, and loops that stand still.

    Args:
        settled: Inputs by function and outcome: see `Settled`.
    """
    pools: dict[str, tuple[dict[str, Any], dict[str, Any], float]] = {}
    for name, unix_ns, declared, measured in reader.rows(_POOLS):
        pools[name] = (
            orjson.loads(declared) if declared else {},
            orjson.loads(measured) if measured else {},
            (now_ns - unix_ns) / 1e9,
        )
    blocked = {
        row[0]: BlockedNow(*row[1:])
        for row in reader.rows(_BLOCKED, (now_ns - _RECENT_NS,))
    }
    living = [each for each in containers(reader, MOST) if each.exited_ms is None]
    return Known(living, pools, settled, blocked)


class Settled:
    """Counts outcomes by function, and each time only what has come since.

    An input that had not settled when it was first seen is looked at again.
    """

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, int]] = defaultdict(dict)
        self._last = 0
        self._open: set[int] = set()

    def counted(self, reader: Reader) -> dict[str, dict[str, int]]:
        """Inputs by function and outcome."""
        rows = reader.rows(
            "select i.id, t.text, i.outcome from inputs i "
            "left join texts t on t.id = i.function where i.id > ? order by i.id",
            (self._last,),
        )
        for number in list(self._open):
            rows += reader.rows(
                "select i.id, t.text, i.outcome from inputs i "
                "left join texts t on t.id = i.function where i.id = ?",
                (number,),
            )
        for number, function, outcome in rows:
            self._last = max(self._last, number)
            if outcome is None:
                self._open.add(number)
                continue
            self._open.discard(number)
            counts = self._counts[function or ""]
            counts[outcome] = counts.get(outcome, 0) + 1
        return {name: dict(counts) for name, counts in self._counts.items()}
