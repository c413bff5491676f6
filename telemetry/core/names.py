"""Every name that leaves the process: attributes, log fields, events, metrics.

The one place to import names from, for the floors above, the dashboards and the
Collector's configuration; a test proves that those use no others.
"""

from __future__ import annotations

from typing import Final

from telemetry.core import attributes as _attributes
from telemetry.core.attributes import *
from telemetry.core.instruments import *
from telemetry.core.metrics import *


def _strings(*, prefixes: tuple[str, ...], begin: bool) -> frozenset[str]:
    return frozenset(
        value
        for name, value in vars(_attributes).items()
        if name.isupper()
        and isinstance(value, str)
        and name.startswith(prefixes) == begin
    )


FIELDS: Final = _strings(prefixes=("FIELD_",), begin=True)
"""All fields of the log line."""
EVENTS: Final = _strings(prefixes=("EVENT_",), begin=True)
"""All events that the runtime logs of its own."""
SPANS: Final = _strings(prefixes=("SPAN_",), begin=True)
"""All span names that are not the name of a function."""
ATTRIBUTES: Final = _strings(
    prefixes=("FIELD_", "EVENT_", "SPAN_", "PROVIDER", "TRIGGER"), begin=False
)
"""All names of attributes, ours and those of the conventions."""
