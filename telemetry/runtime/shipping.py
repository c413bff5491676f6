"""How a container gets at the code: by importing it, or by value."""

from __future__ import annotations

import importlib
import sys
from typing import Any, Final, cast

import cloudpickle

from telemetry.core.errors import InvalidError
from telemetry.runtime.handles import Handle
from telemetry.runtime.spec import Pickled, Reference

_MAIN_MODULES: Final = ("__main__", "__mp_main__")
"""A container has a main module of its own; code in ours goes by value."""


def reference_of(raw: Any) -> Reference | None:  # noqa: ANN401 - a function or class
    """Where to import the handle of this function or class; None if nowhere.

    Its name in its module must lead to the handle: nested functions, lambdas and
    what was registered under a second variable do not qualify.
    """
    module, qualname = raw.__module__, raw.__qualname__
    if module in _MAIN_MODULES or "<" in qualname:
        return None
    if getattr(sys.modules.get(module), "__spec__", None) is None:
        return None
    reference = Reference(module, qualname)
    try:
        found = find(reference)
    except (ImportError, AttributeError):
        return None
    return reference if isinstance(found, Handle) and found.raw is raw else None


def find(reference: Reference) -> object:
    """What a reference leads to in this process.

    Raises:
        ImportError: The module cannot be imported.
        AttributeError: It has no such name.
    """
    found: object = importlib.import_module(reference.module)
    for name in reference.qualname.split("."):
        found = getattr(found, name)
    return found


def code_of(name: str, raw: object, *, by_value: bool) -> Reference | Pickled:
    """What a container is told to load.

    Raises:
        InvalidError: It has to go by value and cannot be pickled.
    """
    reference = None if by_value else reference_of(raw)
    if reference is not None:
        return reference
    try:
        return Pickled(cast("bytes", cloudpickle.dumps(raw)))
    except Exception as error:
        raise InvalidError(
            f"{name!r} cannot be sent to containers by value: "
            f"{type(error).__name__}: {error}; define it at the top level of a module "
            "that can be imported, or keep what cannot be pickled out of its globals"
        ) from error
