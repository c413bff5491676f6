"""The service in the pictures: three functions with waves, and what goes wrong."""

from __future__ import annotations

import math
from typing import Final

from dashboards.drawing.synthetic.pool import Pool, Shape

LENGTH_S: Final = 2 * 3_600.0


def _within(now_s: float, *minutes: tuple[float, float]) -> bool:
    return any(60 * begin <= now_s < 60 * end for begin, end in minutes)


def _translate(now_s: float) -> float:
    rush = 130 if _within(now_s, (74, 76), (95, 96)) else 0
    return max(45 + 40 * math.sin(now_s / 520), 2) + rush


def _resize(now_s: float) -> float:
    rush = 9 if _within(now_s, (82, 87)) else 0
    return 7 + 5 * math.sin(now_s / 330 + 1) + rush


def _embed(now_s: float) -> float:
    pause = _within(now_s % 900, (0, 4))
    return 0.0 if pause else 6.0


def pools() -> list[Pool]:
    """Freshly made, the same each time."""
    return [
        Pool(
            Shape(
                name="translate",
                mode="async",
                target=20,
                limit=30,
                most_containers=4,
                run_s=0.42,
                slowdown=0.35,
                start_s=(0.4, 1.9, 3.6),
                arrivals=_translate,
                cancel_share=0.015,
            ),
            seed=1,
        ),
        Pool(
            Shape(
                name="resize",
                mode="sync",
                target=4,
                limit=6,
                most_containers=6,
                run_s=0.5,
                slowdown=2.2,
                start_s=(0.3, 0.8, 0.4),
                arrivals=_resize,
                cancel_share=0.0012,
                error_share=0.004,
            ),
            seed=2,
        ),
        Pool(
            Shape(
                name="embed",
                mode="batch",
                target=4,
                limit=4,
                most_containers=2,
                run_s=0.35,
                slowdown=0,
                start_s=(0.4, 4.5, 7.0),
                arrivals=_embed,
                error_share=0.002,
                least_containers=0,
            ),
            seed=3,
        ),
    ]
