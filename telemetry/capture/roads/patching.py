"""Replacing a function of somebody else's class, and undoing it with care.

A road may be taken away while another library has put its own function on top of
ours. Putting the original back would then throw theirs away, so ours stays where it
is and passes everything through.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from telemetry.capture.roads.road import RoadState

Function: TypeAlias = Callable[..., Any]
"""A function of somebody else; of what it takes we only know the names."""

_DEPTH: Final = 16
"""How many functions may stand on top of ours and still be looked through."""


class Layer:
    """One replacement that was made, and whether it still has something to do."""

    __slots__ = ("on", "original", "ours")

    def __init__(self, original: Function) -> None:
        self.original: Final = original
        self.ours: Function = original
        self.on = True


class Patch:
    """One attribute of a class or a module, replaced while it is wanted.

    Args:
        owner: The class or the module.
        name: Name of the function there.
        wrap: Makes the replacement. It passes everything through to
            ``layer.original`` unless ``layer.on``.
    """

    def __init__(
        self, owner: object, name: str, wrap: Callable[[Layer], Function]
    ) -> None:
        self._owner = owner
        self._name = name
        self._wrap = wrap
        self._layer: Layer | None = None
        self._inherited = False

    def install(self) -> None:
        """Put ours in place; nothing when it is there, on top or further down."""
        layer = self._layer
        if layer is not None and self._is_reached(layer):
            layer.on = True
            return
        if layer is not None:
            layer.on = False  # somebody may hold it still: two must not both act
        layer = Layer(getattr(self._owner, self._name))
        layer.ours = self._wrap(layer)
        self._inherited = self._name not in vars(self._owner)
        setattr(self._owner, self._name, layer.ours)
        self._layer = layer

    def uninstall(self) -> None:
        """Put the original back, or become a pass-through below who came later."""
        layer = self._layer
        if layer is None:
            return
        layer.on = False
        if vars(self._owner).get(self._name) is not layer.ours:
            return
        if self._inherited:
            delattr(self._owner, self._name)
        else:
            setattr(self._owner, self._name, layer.original)
        self._layer = None

    def state(self) -> RoadState:
        """Whether ours is called now, and who stands on top of it."""
        layer = self._layer
        if layer is None or not layer.on:
            return RoadState(on=False)
        top = vars(self._owner).get(self._name)
        if top is layer.ours:
            return RoadState(on=True)
        who = f"{getattr(top, '__module__', None)}.{getattr(top, '__qualname__', top)}"
        if self._is_reached(layer):
            return RoadState(on=True, note=f"{self._name}: below {who}")
        return RoadState(on=False, note=f"{self._name}: replaced by {who}")

    def _is_reached(self, layer: Layer) -> bool:
        return _leads_to(vars(self._owner).get(self._name), layer.ours, _DEPTH)


def _leads_to(top: object, ours: object, depth: int) -> bool:
    """Whether *top* is *ours*, or visibly holds it: what calls it usually does."""
    if top is ours:
        return True
    if depth == 0 or top is None:
        return False
    below = [getattr(top, "__wrapped__", None), getattr(top, "func", None)]
    for cell in getattr(top, "__closure__", None) or ():
        try:
            below.append(cell.cell_contents)
        except ValueError:  # a variable that is not set yet
            continue
    return any(_leads_to(each, ours, depth - 1) for each in below if callable(each))


def combined(patches: Sequence[Patch], note: str = "") -> RoadState:
    """The state of a road that is made of *patches*: on when each of them is."""
    states = [patch.state() for patch in patches]
    notes = [state.note for state in states if state.note]
    on = all(state.on for state in states)
    if on and note:
        notes.append(note)
    return RoadState(on=on, note="; ".join(notes))


class Parameters:
    """Finds arguments of a method, whether given by position or by name."""

    def __init__(self, method: Function) -> None:
        names = tuple(inspect.signature(method).parameters)[1:]
        self._positions: Final = {name: at for at, name in enumerate(names)}

    def value(
        self, name: str, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> object:
        """The argument *name*, or None when it is not given."""
        at = self._positions.get(name)
        if at is not None and at < len(args):
            return args[at]
        return kwargs.get(name)

    def replaced(
        self,
        name: str,
        value: object,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with another *value* for *name*; what was given stays."""
        at = self._positions.get(name)
        if at is not None and at < len(args):
            return (*args[:at], value, *args[at + 1 :]), kwargs
        return args, {**kwargs, name: value}
