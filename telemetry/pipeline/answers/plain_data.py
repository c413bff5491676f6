"""Answers of the store as JSON, for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson


def plain(answer: object) -> Any:  # noqa: ANN401  # what JSON can hold
    """*answer* as mappings and lists; tuples with names become objects."""
    if hasattr(answer, "_asdict"):
        return {name: plain(value) for name, value in answer._asdict().items()}
    if isinstance(answer, Mapping):
        return {_key(name): plain(value) for name, value in answer.items()}
    if isinstance(answer, list | tuple):
        return [plain(each) for each in answer]
    return answer


def json_lines(answers: Iterable[object]) -> str:
    """One JSON object per line."""
    return "".join(
        orjson.dumps(plain(each), default=str).decode() + "\n" for each in answers
    )


def json_object(answer: object) -> str:
    """One JSON object, indented."""
    option = orjson.OPT_INDENT_2
    return orjson.dumps(plain(answer), default=str, option=option).decode() + "\n"


def _key(name: object) -> str:
    return "/".join(map(str, name)) if isinstance(name, tuple) else str(name)
