"""Bringing what we ship into a Grafana of others: look, decide, then do.

Nothing that somebody else has changed is overwritten unasked, however often this
runs; see `telemetry.policy.pushing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from telemetry.pipeline.grafana.bodies import (
    Body,
    content_of_dashboard,
    content_of_source,
    differences,
    fingerprint,
    mark_of_dashboard,
    mark_of_source,
    marked_dashboard,
    marked_source,
)
from telemetry.pipeline.grafana.client import (
    ChangedMeanwhileError,
    Grafana,
    GrafanaError,
)
from telemetry.pipeline.grafana.datasources import UIDS, source
from telemetry.pipeline.grafana.shipped import Shipped, with_sources
from telemetry.policy.pushing import KEPT, Action, Found, Mark, decide

FOLDER_UID: Final = "input-telemetry"
FOLDER_TITLE: Final = "Inputs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be there afterwards.

    Attributes:
        folder_uid: Of the folder for new dashboards.
        urls: Of data sources of ours, by kind; they are made or updated.
        uids: Of data sources that dashboards begin with, by kind; ours need not be
            named.
        force: Overwrite what others have changed, and move what they have moved.
    """

    dashboards: Sequence[Shipped]
    folder_uid: str = FOLDER_UID
    folder_title: str = FOLDER_TITLE
    urls: dict[str, str] = field(default_factory=dict)
    uids: dict[str, str] = field(default_factory=dict)
    force: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One thing, what is to be done with it, and how.

    Attributes:
        kind: folder, data source or dashboard.
        lines: What differs, from what is there to what we ship.
        carry_out: Does it; nothing where nothing is to be done.
    """

    kind: str
    name: str
    title: str
    action: Action
    lines: Sequence[str] = ()
    carry_out: Callable[[], None] = lambda: None


def plan(grafana: Grafana, wish: Wish) -> list[Step]:
    """Looks at what is there, and says what is to be done; changes nothing.

    Raises:
        GrafanaError: It could not be asked.
    """
    for kind, uid in wish.uids.items():
        _require_source(grafana, kind, uid)
    ours = {kind: UIDS[kind] for kind in wish.urls}
    begun = {**wish.uids, **ours}
    return [
        *_plan_folder(grafana, wish),
        *(_plan_source(grafana, wish, kind) for kind in wish.urls),
        *(_plan_dashboard(grafana, wish, each, begun) for each in wish.dashboards),
    ]


def carry_out(steps: Sequence[Step]) -> Iterator[tuple[Step, GrafanaError | None]]:
    """Does each step, and tells it as soon as it is done.

    One that somebody else was faster at is told with its error, and the others go on.

    Raises:
        GrafanaError: Anything else went wrong; what is done stays done.
    """
    for step in steps:
        try:
            step.carry_out()
        except ChangedMeanwhileError as error:
            yield step, error
        else:
            yield step, None


def _require_source(grafana: Grafana, kind: str, uid: str) -> None:
    there = grafana.source(uid)
    if there is None:
        raise GrafanaError(f"there is no data source with the uid {uid!r}")
    if there.get("type") != kind:
        raise GrafanaError(
            f"the data source {uid!r} is of type {there.get('type')!r}, "
            f"and {kind!r} is asked for"
        )


def _plan_folder(grafana: Grafana, wish: Wish) -> Iterator[Step]:
    there = grafana.folder(wish.folder_uid)
    action = Action.CREATE if there is None else Action.NOTHING

    def make() -> None:
        if there is None:
            grafana.create_folder(wish.folder_uid, wish.folder_title)

    # A folder's title is for people to choose: one that is there stays as it is.
    title = str((there or {}).get("title", wish.folder_title))
    yield Step("folder", wish.folder_uid, title, action, carry_out=make)


# -- data sources ---------------------------------------------------------------------


def _plan_source(grafana: Grafana, wish: Wish, kind: str) -> Step:
    body = source(kind, wish.urls[kind])
    uid = UIDS[kind]
    there = grafana.source(uid)
    ours = content_of_source(body, body)
    print_of_ours = fingerprint(ours)
    theirs = content_of_source(there or {}, body)
    found = there and Found(
        fingerprint(theirs),
        mark_of_source(there),
        locked=bool(there.get("readOnly")),
    )
    action = decide(print_of_ours, found or None, force=wish.force)

    def write() -> None:
        # What Grafana gives back for our keys is what we sent.
        marked = marked_source(there or {}, body, Mark(print_of_ours, print_of_ours))
        if there is None:
            grafana.create_source(marked)
        else:
            grafana.update_source(uid, marked)

    return Step(
        "data source",
        uid,
        str(body["name"]),
        action,
        differences(theirs, ours) if there else (),
        write if action in _WRITTEN else _nothing,
    )


# -- dashboards -----------------------------------------------------------------------


def _plan_dashboard(
    grafana: Grafana, wish: Wish, shipped: Shipped, uids: dict[str, str]
) -> Step:
    body = with_sources(shipped.body, uids)
    ours = content_of_dashboard(body)
    answer = grafana.dashboard(shipped.uid)
    there, meta = _parts(answer)
    theirs = content_of_dashboard(there)
    found = None
    if answer is not None:
        locked = bool(meta.get("provisioned"))
        found = Found(fingerprint(theirs), mark_of_dashboard(there), locked=locked)
    action = decide(fingerprint(ours), found, force=wish.force)
    folder = str(meta.get("folderUid") or "") if answer is not None else wish.folder_uid

    def write() -> None:
        version = there.get("version")
        _save(grafana, body, wish.folder_uid if wish.force else folder, version)

    return Step(
        "dashboard",
        shipped.uid,
        shipped.title,
        action,
        differences(theirs, ours) if answer is not None else (),
        write if action in _WRITTEN else _nothing,
    )


def _save(grafana: Grafana, body: Body, folder_uid: str, version: object) -> None:
    """Save it, and mark it with what Grafana made of it.

    Race: 1. we look; 2. somebody saves; 3. we save. Grafana refuses 3., because we
    name the version of 1. and never ask it to overwrite.
    """
    uid = str(body["uid"])
    sent = fingerprint(content_of_dashboard(body))
    mark = Mark(sent, sent)
    # A dashboard that is not there yet has no version.
    known = {} if version is None else {"version": version}
    marked = marked_dashboard({**body, **known}, mark)
    grafana.save_dashboard(marked, folder_uid, overwrite=False)
    there, _ = _parts(grafana.dashboard(uid))
    kept = fingerprint(content_of_dashboard(there))
    if kept == mark.kept:
        return
    # This Grafana adds defaults of its own (13 converts what it stores): the mark has
    # to say what it keeps, or its own doing looks like somebody's.
    marked = marked_dashboard(
        {**body, "version": there.get("version")}, Mark(sent, kept)
    )
    grafana.save_dashboard(marked, folder_uid, overwrite=False)


def _parts(answer: Body | None) -> tuple[Body, Body]:
    body, meta = ((answer or {}).get(key) for key in ("dashboard", "meta"))
    return (
        body if isinstance(body, dict) else {},
        meta if isinstance(meta, dict) else {},
    )


def _nothing() -> None:
    return


_WRITTEN: Final = frozenset({Action.CREATE, Action.UPDATE})


def refused(steps: Sequence[Step]) -> list[Step]:
    """What is left alone against the wish to push."""
    return [step for step in steps if step.action in KEPT]
