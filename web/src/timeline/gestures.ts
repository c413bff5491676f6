// How a hand moves the window: drag, wheel, pinch, and a click that was none of these.

import type { Board } from "./board.svelte";

const CLICK_PIXELS = 4;

export interface Told {
  hover: (x: number, y: number, touch: boolean) => void;
  leave: () => void;
  click: (x: number, y: number, touch: boolean) => void;
}

export function gestures(
  node: HTMLElement,
  board: Board,
  scroller: HTMLElement,
  told: Told,
): () => void {
  const pointers = new Map<number, { x: number; y: number }>();
  let moved = 0;
  let pinch = 0;

  const at = (event: MouseEvent) => {
    const box = node.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    pointers.set(event.pointerId, at(event));
    moved = 0;
    pinch = 0;
  };

  const move = (event: PointerEvent) => {
    const now = at(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      told.hover(now.x, now.y, event.pointerType === "touch");
      return;
    }
    moved += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    if (moved > CLICK_PIXELS && !node.hasPointerCapture(event.pointerId)) {
      node.setPointerCapture(event.pointerId);
      told.leave();
    }
    pointers.set(event.pointerId, now);
    if (pointers.size === 2) pinched();
    else if (moved > CLICK_PIXELS) {
      board.pan(before.x - now.x);
      if (event.pointerType === "mouse") scroller.scrollTop += before.y - now.y;
    }
  };

  const pinched = () => {
    const [a, b] = [...pointers.values()];
    if (!a || !b) return;
    const apart = Math.max(Math.abs(a.x - b.x), 12);
    if (pinch) board.zoom(pinch / apart, (a.x + b.x) / 2);
    pinch = apart;
    moved += CLICK_PIXELS + 1;
  };

  const up = (event: PointerEvent) => {
    const was = pointers.delete(event.pointerId);
    pinch = 0;
    const now = at(event);
    if (was && moved <= CLICK_PIXELS) told.click(now.x, now.y, event.pointerType === "touch");
  };

  const cancel = (event: PointerEvent) => {
    pointers.delete(event.pointerId);
    pinch = 0;
  };

  const wheel = (event: WheelEvent) => {
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const sideways = event.shiftKey ? event.deltaX + event.deltaY : event.deltaX;
    const scrolls = scroller.scrollHeight > scroller.clientHeight + 1;
    if (
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      (!scrolls && !event.shiftKey && Math.abs(event.deltaY) > Math.abs(event.deltaX))
    ) {
      event.preventDefault();
      board.zoom(Math.exp(event.deltaY * unit * 0.0022), at(event).x);
    } else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      event.preventDefault();
      board.pan(sideways * unit);
    }
  };

  const leave = () => told.leave();
  node.addEventListener("pointerdown", down);
  node.addEventListener("pointermove", move);
  node.addEventListener("pointerup", up);
  node.addEventListener("pointercancel", cancel);
  node.addEventListener("pointerleave", leave);
  node.addEventListener("wheel", wheel, { passive: false });
  return () => {
    node.removeEventListener("pointerdown", down);
    node.removeEventListener("pointermove", move);
    node.removeEventListener("pointerup", up);
    node.removeEventListener("pointercancel", cancel);
    node.removeEventListener("pointerleave", leave);
    node.removeEventListener("wheel", wheel);
  };
}
