"""Whether sums and histograms are told since the start, or since the last time.

Source: OpenTelemetry specification, "OTLP Metrics Exporter", additional environment
variables: https://opentelemetry.io/docs/specs/otel/metrics/sdk_exporters/otlp/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

from telemetry.core.errors import InvalidError

VARIABLE: Final = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"

Temporality = Literal["cumulative", "delta", "lowmemory"]
"""``lowmemory`` is ``delta`` here: it differs for asynchronous counters alone, and ours
are all of the other kind. Up-down counters are cumulative in any case."""


def preference(environ: Mapping[str, str]) -> Temporality:
    """What the environment asks for.

    Raises:
        InvalidError: It asks for something else.
    """
    given = environ.get(VARIABLE, "").strip()
    for each in get_args(Temporality):
        if given.lower() == each:
            found: Temporality = each
            return found
    if not given:
        return "cumulative"
    allowed = ", ".join(get_args(Temporality))
    raise InvalidError(f"{VARIABLE} is {given!r}; it must be one of {allowed}")
