"""Everything at once: cancellations, deaths, and a driver that draws lots."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from telemetry.core.outcome import Outcome
from telemetry.runtime import FunctionCall
from telemetry.runtime.exception import (
    FunctionTimeoutError,
    InputCancelledError,
    InternalFailure,
)
from tests.runtime.chaos import apps
from tests.runtime.chaos.books import Books, kill, killer, until, zygote

SECONDS = float(os.environ.get("CHAOS_SECONDS", "12"))
SEED = int(os.environ.get("CHAOS_SEED", "0"))


def idle(function: Any) -> bool:
    """Nothing of it runs or waits."""
    stats = function.get_current_stats()
    return bool(stats.num_running_inputs == 0 and stats.backlog == 0)


def result(call: FunctionCall[Any]) -> Any:
    """The call's result, or its exception."""
    try:
        return call.get(timeout=40)
    except (InputCancelledError, InternalFailure, FunctionTimeoutError) as error:
        return error


@pytest.mark.parametrize("deaths", [False, True])
@pytest.mark.parametrize("name", ["square", "square_sync", "patient", "together"])
def test_cancel_storm(books: Books, name: str, deaths: bool) -> None:
    """Half of many calls are cancelled in whatever state: each settles once."""
    function: Any = getattr(apps, name)
    number = 400 if name in {"square", "together"} else 120
    draw = random.Random(f"{SEED} {name} {deaths}")
    every_s = (0.05, 0.15) if deaths else (60.0, 61.0)
    with apps.app.run(on_record=books), killer(books, every_s):
        calls: list[FunctionCall[Any]] = []
        victims: set[int] = set()
        for n in range(number):
            calls.append(function.spawn(n))
            if n % 2:
                victim = draw.randrange(len(calls))
                victims.add(victim)
                calls[victim].cancel()
            if not draw.randrange(20):
                time.sleep(0.02)
        results = [result(call) for call in calls]
        until(lambda: idle(function), f"an idle pool: {function.get_current_stats()}")

    books.check(number)
    unasked = [
        (n, each)
        for n, each in enumerate(results)
        if isinstance(each, Exception) and n not in victims
    ]
    assert unasked == []


def test_cancel_with_containers_in_a_storm(books: Books) -> None:
    """Cancelling with the containers takes nobody's result but the cancelled one's."""
    with apps.app.run(on_record=books):
        calls = [apps.square.spawn(n, 0.05) for n in range(200)]
        for n in range(0, 200, 20):
            calls[n].cancel(terminate_containers=True)
            time.sleep(0.02)
        results = [result(call) for call in calls]
        until(lambda: idle(apps.square), "an idle pool")

    books.check(200)
    assert [r for n, r in enumerate(results) if n % 20] == [
        n * n for n in range(200) if n % 20
    ]


class Driver:
    """Draws what to do next, and knows what may come of it."""

    def __init__(self, draw: random.Random, books: Books, mark: str) -> None:
        self.draw = draw
        self.books = books
        self.mark = mark
        self.calls: list[tuple[FunctionCall[Any], Any]] = []
        self.inputs = 0
        self.functions: list[Any] = [
            apps.square,
            apps.square_sync,
            apps.patient,
            apps.alone,
        ]
        self.deeds: list[tuple[int, Callable[[], None]]] = [
            (30, self.spawn),
            (6, self.spawn_map),
            (6, self.batch),
            (5, self.time_out),
            (15, self.cancel),
            (4, self.cancel_with_containers),
            (4, self.kill_container),
            (1, self.kill_zygote),
            (5, self.rescale),
            (5, self.leave_a_map),
            (5, self.rest),
        ]

    def step(self) -> None:
        """Do one thing."""
        weights = [weight for weight, _ in self.deeds]
        ((_, deed),) = self.draw.choices(self.deeds, weights)
        deed()

    def spawn(self) -> None:
        function, n = self.draw.choice(self.functions), self.draw.randrange(100)
        call = function.spawn(n, self.draw.choice([0.0, 0.01, 0.1]))
        squared = function in (apps.square, apps.square_sync)
        self.calls.append((call, n * n if squared else n))
        self.inputs += 1

    def spawn_map(self) -> None:
        n = self.draw.randrange(1, 40)
        call = self.draw.choice(self.functions[:2]).spawn_map(range(n))
        self.calls.append((call, 0))
        self.inputs += n

    def batch(self) -> None:
        n = self.draw.randrange(100)
        self.calls.append((apps.together.spawn(n), 2 * n))
        self.inputs += 1

    def time_out(self) -> None:
        pause_s = self.draw.choice([0.0, 10.0])
        self.calls.append((apps.hasty.spawn(1, pause_s), 1))
        self.inputs += 1

    def cancel(self) -> None:
        if self.calls:
            self.draw.choice(self.calls[-30:])[0].cancel()

    def cancel_with_containers(self) -> None:
        if self.calls:
            self.draw.choice(self.calls[-30:])[0].cancel(terminate_containers=True)

    def kill_container(self) -> None:
        if living := self.books.living():
            kill(self.draw.choice(living))

    def kill_zygote(self) -> None:
        try:
            kill(zygote(self.mark))
        except LookupError:
            return  # it is being started again

    def rescale(self) -> None:
        least = self.draw.randrange(3)
        self.draw.choice(self.functions).update_autoscaler(
            min_containers=least, max_containers=self.draw.randrange(max(1, least), 5)
        )

    def leave_a_map(self) -> None:
        results = apps.square.map(range(50), order_outputs=False)
        self.inputs += 50
        for _ in range(self.draw.randrange(1, 10)):
            next(results)
        del results

    def rest(self) -> None:
        time.sleep(self.draw.uniform(0, 0.1))


def test_random_everything(books: Books, mark: str) -> None:
    """Whatever is done in whatever order, the books are right at the end."""
    print(f"CHAOS_SEED={SEED}")
    until_s = time.monotonic() + SECONDS
    with apps.app.run(on_record=books):
        driver = Driver(random.Random(SEED), books, mark)
        while time.monotonic() < until_s:
            driver.step()
        wrong = [
            (call.object_id, got, expected)
            for call, expected in driver.calls
            if not isinstance(got := result(call), Exception) and got != expected
        ]
        for function in (*driver.functions, apps.together, apps.hasty):
            until(
                partial(idle, function),
                f"an idle {function}: {function.get_current_stats()}",
            )

    assert wrong == []
    books.check(driver.inputs)
    assert Outcome.SUCCESS in books.outcomes()
