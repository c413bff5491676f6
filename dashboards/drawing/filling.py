"""Grafana's variables in queries, filled in as Grafana does for "All"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

EXPORT_S: Final = 15.0
"""``timeInterval`` of the data source."""

# A number is no name: $1 is what label_replace has matched.
_VARIABLE: Final = re.compile(r"\$\{([^\W\d]\w*)(?::\w+)?\}|\$([^\W\d]\w*)")


@dataclass(frozen=True, slots=True)
class Range:
    """The time range of a picture.

    Attributes:
        points: How many of them a panel has, at most.
        values: Of variables; one that is not named has "All" chosen.
    """

    start_s: float
    end_s: float
    points: int = 240
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def step_s(self) -> float:
        """Between two points: a multiple of the export interval."""
        wanted = (self.end_s - self.start_s) / self.points
        return max(EXPORT_S, EXPORT_S * -(-wanted // EXPORT_S))

    @property
    def rate_s(self) -> float:
        """``$__rate_interval``.

        Source: Grafana, data source of Prometheus: max(4 x interval, step + interval).
        """
        return max(4 * EXPORT_S, self.step_s + EXPORT_S)

    def filled(self, text: str) -> str:
        """A query without variables."""
        range_s = self.end_s - self.start_s
        known = {
            "__rate_interval": f"{self.rate_s:.0f}s",
            "__range": f"{range_s:.0f}s",
            "__range_s": f"{range_s:.0f}",
            "__auto": f"{self.step_s:.0f}s",
            **self.values,
        }
        return _VARIABLE.sub(lambda found: known.get(found[1] or found[2], ".+"), text)
