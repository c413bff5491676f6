"""The report of a run: one file, bounded, closed in itself."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import msgspec
import pytest

from telemetry.pipeline.agent.places import Places
from telemetry.pipeline.store.failures import NoStoreError
from telemetry.pipeline.store.queries.reading import Reader
from telemetry.view.report import Report, gathered, page, write_report
from tests.view.filling import Filling


def test_it_holds_what_matters(place: Places, run: Filling) -> None:
    """Whoever was cancelled, timed out or failed, their neighbours, and their lines."""
    with Reader(place.store) as reader, reader.asking():
        found = gathered(reader)

    for what in ("cancelled", "neighbour"):
        assert run.ids[what] in found.inputs
    assert run.ids["cancelled"] in {each.input_id for each in found.lines}
    failed = {
        m.input_id for m in found.layout.moments if m.kind in {"error", "timeout"}
    }
    assert failed <= found.inputs.keys()
    assert found.tile.bars.input and found.containers.containers
    times = [each.at_ms for each in found.lines]
    assert times == sorted(times)


def test_its_size_is_bounded(place: Places, run: Filling) -> None:
    """What does not fit is left out, the least interesting first."""
    with Reader(place.store) as reader, reader.asking():
        small = gathered(reader, most_bytes=300_000)

    assert run.ids["cancelled"] in small.inputs
    kept = msgspec.json.encode([small.inputs, small.lines])
    assert len(kept) < 300_000


def test_only_its_own_script_may_run(
    place: Places, run: Filling, tmp_path: Path
) -> None:
    """The policy names the script by its hash, and data cannot end its element."""
    file = tmp_path / "run.html"
    write_report(place.store, file)
    text = file.read_text("utf-8")

    assert "default-src 'none'" in text and "unsafe" not in text.partition("<style>")[0]
    (script,) = re.findall(r'<script type="module">(.*?)</script>', text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    (data,) = re.findall(r'id="report">(.*?)</script>', text, re.DOTALL)
    assert "<" not in data
    decoded = msgspec.convert(json.loads(data), Report)
    assert any("<script>" in line.event for line in decoded.lines)
    assert text.count("<script") == text.count("</script>") == 2


def test_data_that_would_end_the_script_cannot() -> None:
    """Whatever a line says, it stays data."""
    text = page(b'{"a": "</script><script>alert(1)</script><!--"}')

    assert "alert(1)</script>" not in text


def test_without_a_store_there_is_no_report(tmp_path: Path) -> None:
    """And no file that looks like one."""
    with pytest.raises(NoStoreError, match="no store"):
        write_report(tmp_path / "store.sqlite", tmp_path / "run.html")
    assert not (tmp_path / "run.html").exists()
