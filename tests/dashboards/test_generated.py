"""The committed JSON is what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards import board, generate
from dashboards.board import Row
from dashboards.generate import differences, main, write
from dashboards.tables import words
from tests.dashboards.committed import JSON, UIDS, load


def test_committed_json_is_the_code() -> None:
    """`python -m dashboards.generate` would change nothing."""
    assert differences(JSON) == []


def test_all_seven_are_there() -> None:
    """One for each question that people come with."""
    assert (
        sorted(
            f"input-{name}"
            for name in (
                "overview",
                "concurrency",
                "scaling",
                "cancellations",
                "explorer",
                "tuning",
                "telemetry",
            )
        )
        == UIDS
    )


def test_check_finds_what_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A changed, a missing and a superfluous file are each named, and remedied."""
    write(tmp_path)
    overview = tmp_path / "input-overview.json"
    overview.write_text(overview.read_text().replace("Queued", "Queud"), "utf-8")
    (tmp_path / "input-tuning.json").unlink()
    (tmp_path / "old.json").write_text("{}", "utf-8")

    assert main(["--check", "--folder", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "Queud" in said and "input-tuning.json" in said and "old.json" in said

    assert main(["--folder", str(tmp_path)]) == 0
    assert main(["--check", "--folder", str(tmp_path)]) == 0


def test_file_is_called_after_its_dashboard() -> None:
    """So that a person finds it."""
    assert [load(uid)["uid"] for uid in UIDS] == UIDS
    assert len(generate.BOARDS) == len(UIDS)


@pytest.mark.parametrize("widths", [[12], [12, 13], [24, 6]])
def test_rows_fill_the_grid(widths: list[int]) -> None:
    """A line with a gap, or one that sticks out, is refused by the generator."""
    row = Row("Asks?", [(width, words(1, "x")) for width in widths])

    with pytest.raises(ValueError, match="columns"):
        list(board.placed([row]))
