// Colours and hatchings for the canvas, from the style sheet of the theme.

export interface Palette {
  text: string;
  muted: string;
  line: string;
  lineStrong: string;
  surface: string;
  ground: string;
  sunken: string;
  accent: string;
  burst: string;
  saturated: string;
  cancelled: string;
  cold: string;
  normal: string;
  font: string;
  fills: Record<string, string | CanvasPattern>;
  edges: Record<string, string>;
}

const LOOKS: Record<string, { colour: string; hatch: Hatch }> = {
  success: { colour: "--normal", hatch: "none" },
  running: { colour: "--running", hatch: "none" },
  error: { colour: "--saturated", hatch: "none" },
  cancelled: { colour: "--cancelled", hatch: "falling" },
  timeout: { colour: "--timeout", hatch: "upright" },
  lost: { colour: "--lost", hatch: "cross" },
  retry: { colour: "--saturated", hatch: "ghost" },
  neighbour: { colour: "--cancelled", hatch: "ghost" },
  died: { colour: "--lost", hatch: "ghost" },
  idle: { colour: "--idle", hatch: "none" },
  normal: { colour: "--normal", hatch: "none" },
  burst: { colour: "--burst", hatch: "none" },
  saturated: { colour: "--saturated", hatch: "rising" },
};

// Never colour alone: each kind that is no plain success has lines of its own.
type Hatch = "none" | "falling" | "rising" | "upright" | "cross" | "ghost";

export function palette(canvas: HTMLCanvasElement): Palette {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const context = canvas.getContext("2d");
  const surface = colour("--surface");
  const fills: Palette["fills"] = {};
  const edges: Palette["edges"] = {};
  for (const [name, look] of Object.entries(LOOKS)) {
    const base = colour(look.colour);
    edges[name] = base;
    fills[name] = (context && hatched(context, base, surface, look.hatch)) || base;
  }
  return {
    text: colour("--text"),
    muted: colour("--muted"),
    line: colour("--line"),
    lineStrong: colour("--line-strong"),
    surface,
    ground: colour("--ground"),
    sunken: colour("--sunken"),
    accent: colour("--accent"),
    burst: colour("--burst"),
    saturated: colour("--saturated"),
    cancelled: colour("--cancelled"),
    cold: colour("--cold"),
    normal: colour("--normal"),
    font: colour("--font"),
    fills,
    edges,
  };
}

const TILE = 6;

function hatched(
  context: CanvasRenderingContext2D,
  colour: string,
  surface: string,
  hatch: Hatch,
): CanvasPattern | null {
  if (hatch === "none") return null;
  const ghost = hatch === "ghost";
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = TILE;
  const draw = canvas.getContext("2d");
  if (!draw) return null;
  draw.fillStyle = ghost ? surface : colour;
  draw.fillRect(0, 0, TILE, TILE);
  draw.strokeStyle = ghost ? colour : surface;
  draw.globalAlpha = ghost ? 0.75 : 0.55;
  draw.lineWidth = 1.2;
  draw.beginPath();
  for (const [x0, y0, x1, y1] of strokes(hatch)) {
    draw.moveTo(x0, y0);
    draw.lineTo(x1, y1);
  }
  draw.stroke();
  return context.createPattern(canvas, "repeat");
}

function strokes(hatch: Hatch): [number, number, number, number][] {
  const falling: [number, number, number, number][] = [
    [0, 0, TILE, TILE],
    [-TILE, 0, 0, TILE],
    [TILE, 0, 2 * TILE, TILE],
  ];
  const rising = falling.map(([x0, y0, x1, y1]): [number, number, number, number] => [
    TILE - x0,
    y0,
    TILE - x1,
    y1,
  ]);
  if (hatch === "upright") return [[TILE / 2, 0, TILE / 2, TILE]];
  if (hatch === "falling") return falling;
  if (hatch === "cross") return [...falling, ...rising];
  return rising;
}
