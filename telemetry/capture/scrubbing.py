"""Secrets are taken out of a line before it goes anywhere.

Keys are told by their words, values and messages by real shapes only; see
`telemetry.policy.secret_names` and `telemetry.policy.secret_shapes`. Only the
secret part of a text goes, and what stands in its place says why:
``[scrubbed: password]``.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import is_
from typing import Final, TypeAlias

from telemetry.capture.changes import changed
from telemetry.capture.scrub_patterns import Compiled, checked, compiled, is_own
from telemetry.core.names import FIELDS
from telemetry.policy.secret_names import (
    SECRET_NAMES,
    SecretNames,
    hints,
    is_harmless,
    is_name,
    tells_nothing,
)
from telemetry.policy.secret_shapes import (
    FLAG,
    HEAD,
    MARKERS,
    SHAPES,
    value_behind,
)

DEFAULT_PATTERNS: Final = (*SECRET_NAMES, *(shape.expression for shape in SHAPES))
"""What is scrubbed unless something else is asked for: names, and expressions."""

WINDOW_CHARS: Final = 8_192
"""What is looked at beyond a cut, so that no half of a secret stays before it."""

SAFE_KEYS: Final = 4_096
"""Keys that are remembered as harmless; also how many are remembered at all."""

KEY_CHARS: Final = 256
"""Characters of the longest key that is remembered; longer ones are cut elsewhere."""

DEPTH: Final = 32
"""Levels of nesting that are walked; what is deeper is described."""

_MARK: Final = "[scrubbed:"
_JSON_CHARS: Final = 262_144
# What a log call takes for itself, whatever the caller means by it.
_NEVER_SAFE: Final = FIELDS | {
    *("timestamp", "level", "event", "logger", "thread", "exception", "stream"),
    *("exc_info", "stack_info", "stack", "positional_args"),
}

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class ScrubMatch:
    """What was found, for a callback to judge.

    Attributes:
        path: Where: the keys and indexes that lead to the value; ``("event",)`` and
            ``("exception",)`` for the texts of the line itself.
        value: What is about to be replaced: the whole value of a key, or the
            secret part of a text.
        pattern: Name of the pattern that matched.
    """

    path: Path
    value: object
    pattern: str


ScrubCallback: TypeAlias = Callable[[ScrubMatch], object | None]
"""Returns what to keep instead, such as the value itself; None has it scrubbed."""


class _Here(threading.local):
    """Whether this thread is inside a callback: one that logs is not asked again."""

    busy: bool = False


_HERE: Final = _Here()


class Scrubber:
    """Takes secrets out of texts, keys and values; immutable, safe from any thread.

    A pattern of plain words (``api_key``) is a name: it matches keys by their words,
    in any style (``X-Api-Key``, ``openaiApiKey``), and ``api_key=...`` pairs in
    texts. Any other pattern is a regular expression, looked for in keys and texts.
    Where it has a named group, only the group is taken out, and the group's name
    says why; else all of the match, and the expression says why.

    Args:
        patterns: All patterns; empty for no scrubbing at all.
        allow: Keys whose values stay, in any case; what is found inside of them
            by its shape goes all the same.
        callback: Is shown every match, and may keep it.

    Raises:
        InvalidError: A pattern is empty, or no regular expression.

    Attributes:
        markers: Bytes as integers. What is encoded as UTF-8 and has none of them
            holds nothing that a value pattern matches. Empty: always look.
        safe_keys: Keys that are known to be harmless; it grows as keys are learned.
        safe_texts: Texts that are, for `telemetry.capture.harmless`.
    """

    __slots__ = (
        "_allow",
        "_callback",
        "_hints",
        "_keys",
        "_names",
        "_shapes",
        "_verdicts",
        "active",
        "markers",
        "safe_keys",
        "safe_texts",
    )

    def __init__(
        self,
        patterns: Sequence[str] = DEFAULT_PATTERNS,
        allow: Collection[str] = (),
        callback: ScrubCallback | None = None,
    ) -> None:
        given = tuple(dict.fromkeys(checked(patterns)))
        names = tuple(pattern for pattern in given if is_name(pattern))
        own = [p for p in given if not is_name(p) and not is_own(p)]
        self.active: Final = bool(given)
        self.markers: Final = () if own else tuple(MARKERS.encode())
        self.safe_keys: Final[set[str]] = set()
        self.safe_texts: Final[set[str]] = set()
        self._names = SecretNames(names)
        self._hints = hints(names)
        self._shapes = tuple(compiled(p) for p in given if not is_name(p))
        # A shape of ours has no business in a key; what a user asks for has.
        self._keys = tuple(s for s in self._shapes if not s.marker)
        self._allow = frozenset(key.lower() for key in allow)
        self._callback = callback
        self._verdicts: dict[str, str | None] = {}

    def is_clean_key_set(self, given: Mapping[str, object]) -> bool:
        """Whether all keys are known to be harmless: see `learn`."""
        return self.safe_keys.issuperset(given)

    def learn(self, keys: Iterable[str]) -> None:
        """Remember those of *keys* that are harmless and short, if there is room.

        Keys that a log call or a line has a use for are never among them.
        """
        for key in keys:
            if len(self.safe_keys) >= SAFE_KEYS:
                return
            if (
                type(key) is str
                and key.isascii()
                and len(key) <= KEY_CHARS
                and key not in _NEVER_SAFE
                and self._pattern_of(key) is None
                and self.text(key) is key
            ):
                self.safe_keys.add(key)

    def suspects(self, data: bytes) -> bool:
        """Whether texts within *data*, encoded as UTF-8, are worth a closer look.

        False is certain; True may be a false alarm.
        """
        return self._is_suspect(data.decode("latin-1"))

    def text(self, text: str, path: Path = ()) -> str:
        """*text* without its secrets; the same object when there are none."""
        if not self._is_suspect(text):
            return text
        if text[:1] in {"{", "["} and len(text) <= _JSON_CHARS:
            rewritten = self._json(text, path)
            if rewritten is not None:
                return rewritten
        lowered = text.lower()
        for shape in self._shapes:
            if shape.marker in text and shape.hint in lowered:
                text = self._shaped(shape, text, path)
        if self._may_hold_pairs(text, lowered):
            for heads in (HEAD, FLAG):
                text = self._pairs(heads, text, path)
        return text

    def windowed(self, text: str, limit_chars: int) -> str:
        """The begin of *text*, at least *limit_chars* of it, without its secrets.

        For who cuts a long text: half a secret before the cut is not seen after it.
        """
        return self.text(text[: limit_chars + WINDOW_CHARS])

    def fields(
        self, given: Mapping[str, object], path: Path = ()
    ) -> Mapping[str, object]:
        """*given* without its secrets; the same object when there are none.

        Texts, bytes, dicts, lists and tuples are looked into; an object of another
        kind is left as it is, and is to be made plain before.
        """
        if not self.active:
            return given
        return _Walk(self).mapping(given, path)

    def _is_suspect(self, text: str) -> bool:
        if not self.active:
            return False
        if self.markers and not (
            "=" in text
            or ":" in text
            or "-" in text
            or "_" in text
            or "B" in text
            or "J" in text
            or "K" in text
        ):
            return False
        lowered = text.lower()
        for shape in self._shapes:
            if shape.marker in text and shape.hint in lowered:
                return True
        return self._may_hold_pairs(text, lowered)

    def _may_hold_pairs(self, text: str, lowered: str) -> bool:
        if "=" in text or ":" in text or "-" in text:
            for hint in self._hints:
                if hint in lowered:
                    return True
        return False

    def _shaped(self, shape: Compiled, text: str, path: Path) -> str:
        def replaced(found: re.Match[str]) -> str:
            secret = found[shape.group]
            if not secret or secret.startswith(_MARK):
                return found.group()
            start, end = found.span(shape.group)
            begin = found.start()
            kept = self._judged(path, secret, shape.name)
            whole = found.group()
            return whole[: start - begin] + str(kept) + whole[end - begin :]

        return shape.find.sub(replaced, text)

    def _pairs(self, heads: re.Pattern[str], text: str, path: Path) -> str:
        """Replace the values behind secret keys; other values are looked into."""
        pieces: list[str] = []
        done = position = 0
        while (head := heads.search(text, position)) is not None:
            position = head.end()
            name = self._names_secret(head["key"])
            if name is None:
                continue
            span = value_behind(text, position, name, head["sign"])
            if span is None or span[0] == span[1]:
                continue
            value = text[slice(*span)]
            position = span[1]
            if is_harmless(name, value) or value.startswith(_MARK):
                continue
            kept = self._judged((*path, head["key"]), value, name)
            pieces += text[done : span[0]], str(kept)
            done = span[1]
        return "".join((*pieces, text[done:])) if pieces else text

    def _json(self, text: str, path: Path) -> str | None:
        """A JSON text without its secrets; None when it is none, or has none."""
        try:
            value = json.loads(text)
            clean = _Walk(self).value(value, path)
            if clean is value:
                return None
            compact = '": ' not in text
            return json.dumps(clean, separators=(",", ":") if compact else (", ", ": "))
        except (ValueError, RecursionError):
            return None

    def _names_secret(self, key: str) -> str | None:
        """Name of the secret in the key of a pair: ``API key``, ``db.password``."""
        if key.rpartition(" ")[2].lower() in self._allow:
            return None
        return self._pattern_of(key)

    def _pattern_of(self, key: str) -> str | None:
        """Name of the pattern that a key matches, or None."""
        try:
            return self._verdicts[key]
        except KeyError:
            pass
        if len(self._verdicts) >= SAFE_KEYS:
            self._verdicts.clear()
        found = self._verdicts[key] = self._look_up(key)
        return found

    def _look_up(self, key: str) -> str | None:
        if key.lower() in self._allow:
            return None
        name = self._names.of(key)
        if name is not None:
            return name
        return next((s.name for s in self._keys if s.find.search(key)), None)

    def _judged(self, path: Path, value: object, name: str) -> object:
        """What stands in the place of *value*."""
        callback = self._callback
        if callback is not None and not _HERE.busy:
            _HERE.busy = True
            try:
                kept = callback(ScrubMatch(path, value, name))
            except Exception:  # noqa: BLE001  # when in doubt, it is a secret
                kept = None
            finally:
                _HERE.busy = False
            if kept is not None:
                return kept
        return f"{_MARK} {name}]"


class _Walk:
    """One walk over nested values; what was seen is not walked again."""

    __slots__ = ("_known", "_scrubber")

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber
        # By identity, with the value itself, so that no id is used twice. While a
        # value is walked its result is a note: it contains itself.
        self._known: dict[int, tuple[object, object]] = {}

    def value(self, value: object, path: Path) -> object:
        """*value* without its secrets; the same object when there are none."""
        if isinstance(value, str):
            return self._scrubber.text(value, path)
        if isinstance(value, bytes):
            text = value.decode("latin-1")
            clean = self._scrubber.text(text, path)
            return value if clean is text else clean.encode("latin-1", "replace")
        if not isinstance(value, dict | list | tuple):
            return value
        known = self._known.get(id(value))
        if known is not None:
            return known[1]
        if len(path) > DEPTH:
            return f"<nested deeper than {DEPTH}>"
        self._known[id(value)] = value, "[...]"
        found: object
        if isinstance(value, dict):
            found = self.mapping(value, path)
        else:
            items = [self.value(item, (*path, at)) for at, item in enumerate(value)]
            same = all(map(is_, items, value))
            found = (
                value if same else items if isinstance(value, list) else tuple(items)
            )
        self._known[id(value)] = value, found
        return found

    def mapping(self, given: Mapping[str, object], path: Path) -> Mapping[str, object]:
        """A mapping by its keys, and what is inside of the harmless ones."""
        changed: dict[str, object] | None = None
        for number, (key, value) in enumerate(given.items()):
            name, clean = self._item(key, value, path)
            if changed is None and (clean is not value or name is not key):
                changed = dict(list(given.items())[:number])
            if changed is not None:
                changed[name] = clean
        return given if changed is None else changed

    def _item(self, key: str, value: object, path: Path) -> tuple[str, object]:
        scrubber = self._scrubber
        if not isinstance(key, str):
            return key, self.value(value, (*path, repr(key)))
        pattern = scrubber._pattern_of(key)  # noqa: SLF001  # the two are one
        inside = (*path, key)
        if pattern is None or tells_nothing(pattern, value):
            name = key if key in scrubber.safe_keys else scrubber.text(key, path)
            return name, self.value(value, inside)
        return key, scrubber._judged(inside, value, pattern)  # noqa: SLF001  # as above


in_force: Scrubber = Scrubber()
"""What every line of this process passes; read it anew each time."""


def set_scrubber(scrubber: Scrubber) -> Scrubber:
    """Let every line pass *scrubber* from now on.

    Returns:
        The one before.
    """
    global in_force  # read on the hot path, without a call
    previous, in_force = in_force, scrubber
    changed()
    return previous
