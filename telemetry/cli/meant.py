"""Which input is meant by what somebody has typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.capture.wording import counted
from telemetry.pipeline.store.queries.inputs import matching_inputs

if TYPE_CHECKING:
    from telemetry.pipeline.store.queries.inputs import StoredInput
    from telemetry.pipeline.store.queries.reading import Reader


def one_input(reader: Reader, text: str) -> tuple[StoredInput | None, str]:
    """The input whose id is *text*, or begins or ends so; else, why there is none."""
    found = matching_inputs(reader, text)
    if not found:
        return None, f"no input has an id like {text!r}; see: telemetry inputs"
    if len(found) > 1:
        ids = ", ".join(each.input_id for each in found[:5])
        return None, f"{text!r} may mean {counted(len(found), 'input')}: {ids}"
    return found[0], ""
