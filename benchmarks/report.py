"""What a benchmark prints and writes, and the arguments that all of them take."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.measure import Measured, relative_iqr

Row = Sequence[str]


def parser(description: str | None, rounds: int | None) -> argparse.ArgumentParser:
    """The arguments of every benchmark.

    Args:
        description: The docstring of the benchmark.
        rounds: How many, unless the command line says otherwise; None where there
            is nothing to repeat.
    """
    arguments = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if rounds is not None:
        arguments.add_argument(
            "--rounds", type=_positive, help=f"default {rounds}, quick 1"
        )
    arguments.add_argument("--json", type=Path, help="also write the figures there")
    arguments.add_argument(
        "--quick", action="store_true", help="a look that it works; no figures"
    )
    arguments.set_defaults(usual_rounds=rounds or 1)
    return arguments


def rounds_of(options: argparse.Namespace) -> int:
    """How many rounds the command line asks for."""
    given: int | None = getattr(options, "rounds", None)
    usual: int = options.usual_rounds
    return given or (1 if options.quick else usual)


class Report:
    """Prints tables as they come, and writes them all at the end."""

    def __init__(
        self,
        title: str,
        options: argparse.Namespace,
        packages: Sequence[str] = machine.PACKAGES,
    ) -> None:
        self._path: Path | None = options.json
        self._before = machine.load()
        self._packages = tuple(packages)
        self._written: dict[str, Any] = {
            "title": title,
            "machine": machine.describe(),
            "versions": machine.versions(packages),
            "rounds": rounds_of(options),
            "quick": options.quick,
            "tables": {},
        }
        self.line(f"# {title}\n")
        self.line(machine.describe())
        found = self._written["versions"].items()
        self.line(", ".join(f"{name} {number}" for name, number in found))
        if hasattr(options, "rounds"):
            self.line(f"{rounds_of(options)} rounds, order shuffled in each")
        if options.quick:
            self.line("--quick: that it works is what this shows; no figures")

    @staticmethod
    def line(text: str) -> None:
        """Print a line."""
        print(text, flush=True)

    def table(self, title: str, head: Row, rows: Sequence[Row], texts: int = 1) -> None:
        """Print a table in Markdown.

        Args:
            texts: So many columns hold text and are aligned to the left; what
                follows are numbers.
        """
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
        self.line(f"\n## {title}\n")
        self.line(_row(head, widths, texts))
        rules = [
            "-" * width if i < texts else "-" * (width - 1) + ":"
            for i, width in enumerate(widths)
        ]
        self.line(_row(rules, widths, texts))
        for row in rows:
            self.line(_row(row, widths, texts))

    def measured(
        self, title: str, measured: Measured, floor: str, ideal_us: float | None = None
    ) -> None:
        """Print what cases took, the fastest first, beside their floor.

        Args:
            floor: The case that the ratios are to.
            ideal_us: What an input would take if nothing but its body took time.
        """
        head = ["case", "us/input", "min", "IQR", "CPU us", "x floor", "x floor, CPU"]
        if ideal_us is not None:
            head.append("% of ideal")
        rows = []
        for name in sorted(measured.blocks, key=measured.median_us):
            row = _measured_row(measured, name, floor)
            if ideal_us is not None:
                row.append(f"{ideal_us / measured.median_us(name):.0%}")
            rows.append(row)
        self.table(title, head, rows)
        self._written["tables"][title] = {
            "floor": floor,
            "blocks": {
                each.name: {
                    "inputs": each.inputs,
                    "wall_us": each.wall_us,
                    "cpu_us": each.cpu_us,
                }
                for each in measured.blocks.values()
            },
        }

    def keep(self, title: str, data: object) -> None:
        """Write *data* too, which must be fit for JSON."""
        self._written["tables"][title] = data

    def close(self) -> None:
        """Say how busy the machine was, and write the file if one was asked for."""
        after = machine.load()
        stolen = machine.stolen_ratio(self._before, after)
        self.line(
            f"\nload {self._before.average:.2f} before, {after.average:.2f} after "
            f"(ours included); {stolen:.1%} of the time taken by the host"
        )
        self._written["load"] = [self._before.average, after.average]
        self._written["stolen_ratio"] = stolen
        if self._path is not None:
            self._path.write_text(json.dumps(self._written, indent=1), "utf-8")
        sys.stdout.flush()


def _measured_row(measured: Measured, name: str, floor: str) -> list[str]:
    blocks = measured.blocks[name]
    cpu_us = measured.cpu_median_us(name)
    cpu_ratio = measured.cpu_ratio(name, floor)
    return [
        name,
        f"{measured.median_us(name):,.1f}",
        f"{min(blocks.wall_us):,.1f}",
        f"{relative_iqr(blocks.wall_us):.0%}",
        "-" if cpu_us is None else f"{cpu_us:,.1f}",
        f"{measured.ratio(name, floor).median:.2f}",
        "-" if cpu_ratio is None else f"{cpu_ratio.median:.2f}",
    ]


def _row(cells: Row, widths: Sequence[int], texts: int) -> str:
    shown = [
        cell.ljust(width) if i < texts else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(shown)} |"


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too few; it must be at least 1")
    return number
