"""Exceptions as text, whatever they do when they are asked for it."""

from __future__ import annotations

import sys
import traceback

from telemetry.capture.plain import cut_middle, foreign, type_name


def exception_text(exc_info: object) -> str | None:
    """The traceback that ``exc_info=`` names, or None when there is none.

    Args:
        exc_info: What ``logging`` takes: an exception, a tuple of ``sys.exc_info()``,
            or anything true for the exception that is being handled.
    """
    if not exc_info:
        return None
    if isinstance(exc_info, BaseException):
        error: object = exc_info
    elif isinstance(exc_info, tuple):
        error = exc_info[1] if len(exc_info) > 1 else None
    else:
        error = sys.exception()
    if not isinstance(error, BaseException):
        return None
    found = error
    text = foreign(lambda: "".join(traceback.format_exception(found)), type_name(found))
    return cut_middle(text.rstrip("\n"))
