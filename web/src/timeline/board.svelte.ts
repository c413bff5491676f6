// The timeline as it lives on the page: the window over time, what it shows, frames.
// A frame is drawn when something has changed, and at no other time.

import type { Layout, Tile } from "../api/types";
import { drawScene, type Scene } from "./draw";
import { laidOut, placeAt, type Floor, type Placed } from "./lanes";
import { palette, type Palette } from "./palette";
import {
  barAt,
  crowdAt,
  type Colouring,
  type Crowd,
  type Hit,
  type Prepared,
} from "./prepared";
import { TileCache, type FetchTile } from "./tiles";
import {
  eased,
  kept,
  levelFor,
  panned,
  span,
  tileSpan,
  tilesFor,
  zoomed,
  type View,
} from "./viewport";

export interface Under {
  placed: Placed;
  slot: number;
  bar: Hit | null;
  crowd: Crowd | null;
}

// A level of zoom that is only passed through needs no tiles of its own.
const SETTLE_MS = 90;
const GOES_ON_MS = 20_000;
const EMPTY: Floor = { groups: [], byId: new Map(), height: 0 };

export class Board {
  view = $state.raw<View>({ from: 0, to: 1 });
  following = $state(false);
  floor = $state.raw<Floor>(EMPTY);
  problem = $state("");
  // The picture is not yet what it will be: the window moves, or tiles are fetched.
  busy = $state(false);
  selected = "";
  nowMs = 0;
  lastMs = 0;
  live = false;
  scale = 1;
  wanted = "";
  // Milliseconds that the last frames took to draw, for measurements.
  readonly costsMs: number[] = [];
  private layout: Layout | null = null;
  private goal: View | null = null;
  private colours: Palette | null = null;
  private context: CanvasRenderingContext2D | null = null;
  private canvas: HTMLCanvasElement | null = null;
  private width = 0;
  private height = 0;
  private scrollTop = 0;
  private frame = 0;
  private before = 0;
  private level = -1;
  private levelMs = 0;
  private readonly tiles: TileCache;

  constructor(fetchTile: FetchTile) {
    this.tiles = new TileCache(
      (level, index, signal): Promise<Tile> => fetchTile(level, index, signal),
      () => {
        this.problem = this.tiles.problem;
        this.draw();
      },
    );
  }

  attach(canvas: HTMLCanvasElement): void {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.colours = null;
    this.resize(this.width, this.height);
  }

  detach(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.tiles.clear();
    this.context = this.canvas = null;
  }

  resize(width: number, height: number): void {
    this.width = width;
    this.height = height;
    if (!this.canvas || !width || !height) return;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.context?.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.draw();
  }

  scrollTo(top: number): void {
    this.scrollTop = top;
    this.draw();
  }

  get whole(): View {
    const first = this.layout?.first_ms ?? this.nowMs - 60_000;
    const stored = this.layout?.last_ms ?? first + 1000;
    // While something happens, the run goes on until now.
    const last =
      this.live && this.nowMs - stored < GOES_ON_MS ? Math.max(this.nowMs, stored) : stored;
    const room = Math.max((last - first) * 0.03, 200);
    return { from: first - room, to: Math.max(last, first + 100) + room };
  }

  setLayout(layout: Layout): void {
    if (this.layout && this.layout.store !== layout.store) this.tiles.clear();
    this.layout = layout;
    this.lastMs = Math.max(layout.last_ms ?? 0, 0);
    this.place();
  }

  place(): void {
    if (!this.layout) return;
    const shown = this.layout.containers.filter(
      (each) => !this.wanted || each.function === this.wanted,
    );
    this.floor = laidOut(shown, Math.max(this.nowMs, this.lastMs), this.scale);
    this.draw();
  }

  recolour(colouring: Colouring): void {
    this.tiles.recolour(colouring);
    this.draw();
  }

  repaint(): void {
    this.colours = null;
    this.draw();
  }

  forget(): void {
    this.tiles.clear();
  }

  show(view: View, glide = true): void {
    const wanted = kept(view, this.whole);
    if (glide && this.width && !matchMedia("(prefers-reduced-motion: reduce)").matches)
      this.goal = wanted;
    else {
      this.goal = null;
      this.view = wanted;
    }
    this.busy = true;
    this.draw();
  }

  fit(): void {
    this.following = false;
    this.show(this.whole);
  }

  follow(on: boolean): void {
    this.following = on;
    this.draw();
  }

  pan(pixels: number): void {
    this.following = false;
    const now = this.goal ?? this.view;
    this.goal = null;
    this.view = panned(now, (pixels * span(now)) / Math.max(this.width, 1), this.whole);
    this.draw();
  }

  zoom(factor: number, pixel: number, glide = false): void {
    const now = this.goal ?? this.view;
    const at = this.following ? now.to : this.timeAt(pixel);
    const next = zoomed(now, factor, at, this.whole);
    if (glide) this.show(next);
    else {
      this.goal = null;
      this.view = next;
      this.draw();
    }
  }

  timeAt(pixel: number): number {
    return this.view.from + (pixel / Math.max(this.width, 1)) * span(this.view);
  }

  tick(nowMs: number, lastMs: number): void {
    this.nowMs = nowMs;
    this.lastMs = Math.max(this.lastMs, lastMs);
    if (this.following || this.view.to >= this.nowMs) this.draw();
  }

  under(pixel: number, y: number): Under | null {
    const ms = this.timeAt(pixel);
    const place = placeAt(this.floor, ms, y);
    if (!place) return null;
    const slack = (3 * span(this.view)) / Math.max(this.width, 1);
    const id = place.placed.container.container_id;
    for (const { prepared } of this.shownTiles()) {
      if (ms < prepared.tile.from_ms || ms > prepared.tile.to_ms || place.slot < 0) continue;
      const bar = barAt(prepared, id, place.slot, ms, slack);
      const crowd = bar ? null : crowdAt(prepared, id, place.slot, ms);
      return { ...place, bar, crowd };
    }
    return { ...place, bar: null, crowd: null };
  }

  draw(): void {
    if (!this.frame && this.context)
      this.frame = requestAnimationFrame((at) => this.drawNow(at));
  }

  private drawNow(at: number): void {
    this.frame = 0;
    if (!this.context || !this.canvas || !this.width) return;
    const elapsed = Math.min(at - this.before, 50);
    this.before = at;
    if (this.following && this.live) this.goal = this.newest();
    if (this.goal) {
      this.view = eased(this.view, this.goal, elapsed);
      if (this.view.from === this.goal.from && this.view.to === this.goal.to) this.goal = null;
    }
    this.colours ??= palette(this.canvas);
    this.ask();
    const began = performance.now();
    drawScene(this.context, this.colours, this.scene(), this.width, this.height);
    this.costsMs.push(performance.now() - began);
    if (this.costsMs.length > 600) this.costsMs.shift();
    this.busy = this.tiles.busy || this.goal !== null || this.isPassing();
    if (this.goal) this.draw();
  }

  private isPassing(): boolean {
    return performance.now() - this.levelMs < SETTLE_MS;
  }

  private newest(): View {
    const wide = span(this.goal ?? this.view);
    const to = this.nowMs + wide * 0.02;
    return { from: to - wide, to };
  }

  private scene(): Scene {
    return {
      view: this.view,
      floor: this.floor,
      moments: this.layout?.moments ?? [],
      tiles: this.shownTiles(),
      nowMs: this.live ? this.nowMs : (this.layout?.last_ms ?? 0),
      live: this.live,
      scrollTop: this.scrollTop,
      selected: this.selected,
    };
  }

  // What is seen first, then what will be when the window moves on.
  private ask(): void {
    const level = levelFor(this.view);
    if (level !== this.level) {
      this.level = level;
      this.levelMs = performance.now();
      window.setTimeout(() => this.draw(), SETTLE_MS + 5);
    }
    if (this.isPassing() && this.shownTiles().length) return;
    const seen = tilesFor(this.view, level);
    const near = tilesFor(this.view, level, tileSpan(level) * 0.75);
    const rest = near.filter((key) => !seen.some((each) => each.index === key.index));
    const wider = tilesFor(this.view, level + 2);
    this.tiles.want(
      [...seen, ...rest, ...wider],
      Date.now(),
      Math.max(this.lastMs, this.live ? this.nowMs : 0),
    );
  }

  private shownTiles(): Scene["tiles"] {
    const level = levelFor(this.view);
    const found: Scene["tiles"] = [];
    const add = (prepared: Prepared, from: number, to: number) =>
      found.push({
        prepared,
        from: Math.max(from, prepared.tile.from_ms),
        to: Math.min(to, prepared.tile.to_ms),
      });
    for (const key of tilesFor(this.view, level)) {
      const from = key.index * tileSpan(level);
      const to = from + tileSpan(level);
      const held = this.tiles.get(key);
      if (held) add(held, from, to);
      else for (const each of this.tiles.standIns(key)) add(each, from, to);
    }
    return found;
  }
}
