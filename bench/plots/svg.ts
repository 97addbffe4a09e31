/** The frame of a chart: a page, axes, grid, legend. Colours follow the reader's light or dark mode. */

export interface Scale {
  (value: number): number;
  ticks: readonly number[];
}

export interface Panel {
  /** Of the plot's area, in pixels. */
  left: number;
  top: number;
  width: number;
  height: number;
}

const STYLE = `
  svg { font: 13px system-ui, sans-serif; background: #ffffff; }
  text { fill: #3d444d; } .title { font-size: 15px; font-weight: 600; fill: #1f2328; }
  .page { fill: #ffffff; } .grid { stroke: #d8dee4; } .axis { stroke: #818b98; }
  .line.ours { stroke: #0969da; } .dot.ours, .label.ours { fill: #0969da; }
  .line.reference { stroke: #9a6700; } .dot.reference, .label.reference { fill: #9a6700; }
  .line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
  .reference.line { stroke-dasharray: 6 4; }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; }
    text { fill: #b7bdc8; } .title { fill: #f0f6fc; }
    .page { fill: #0d1117; } .grid { stroke: #2f353d; } .axis { stroke: #7d8590; }
    .line.ours { stroke: #58a6ff; } .dot.ours, .label.ours { fill: #58a6ff; }
    .line.reference { stroke: #e3b341; } .dot.reference, .label.reference { fill: #e3b341; }
  }`;

export function page(width: number, height: number, title: string, content: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${title}">
<title>${title}</title>
<style>${STYLE}
</style>
<rect class="page" width="${width}" height="${height}"/>
${content}
</svg>
`;
}

export function linear(
  from: number,
  to: number,
  start: number,
  end: number,
  ticks: readonly number[],
): Scale {
  const scale = (value: number) => start + ((value - from) / (to - from)) * (end - start);
  return Object.assign(scale, { ticks });
}

export function logarithmic(
  from: number,
  to: number,
  start: number,
  end: number,
  ticks: readonly number[],
): Scale {
  const exponents = linear(Math.log10(from), Math.log10(to), start, end, []);
  return Object.assign((value: number) => exponents(Math.log10(Math.min(Math.max(value, from), to))), {
    ticks,
  });
}

export function text(
  x: number,
  y: number,
  content: string,
  options: { class?: string; anchor?: string } = {},
): string {
  const { anchor = 'start' } = options;
  const kind = options.class === undefined ? '' : ` class="${options.class}"`;
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}"${kind}>${content}</text>`;
}

/** Lines across at each tick of both scales, with their numbers. */
export function axes(
  { left, top, width, height }: Panel,
  x: Scale & { print: (value: number) => string },
  y: Scale & { print: (value: number) => string },
): string {
  const bottom = top + height;
  const columns = x.ticks.flatMap((tick) => [
    `<line class="grid" x1="${round(x(tick))}" x2="${round(x(tick))}" y1="${top}" y2="${bottom}"/>`,
    text(x(tick), bottom + 20, x.print(tick), { anchor: 'middle' }),
  ]);
  const rows = y.ticks.flatMap((tick) => [
    `<line class="grid" x1="${left}" x2="${left + width}" y1="${round(y(tick))}" y2="${round(y(tick))}"/>`,
    text(left - 8, y(tick) + 4, y.print(tick), { anchor: 'end' }),
  ]);
  const base = `<line class="axis" x1="${left}" x2="${left + width}" y1="${bottom}" y2="${bottom}"/>`;
  return [...columns, ...rows, base].join('\n');
}

export function line(
  side: 'ours' | 'reference',
  points: readonly (readonly [x: number, y: number])[],
): string {
  const path = points.map(([x, y]) => `${round(x)},${round(y)}`).join(' ');
  return `<polyline class="line ${side}" points="${path}"/>`;
}

export function dot(side: 'ours' | 'reference', x: number, y: number): string {
  return `<circle class="dot ${side}" cx="${round(x)}" cy="${round(y)}" r="4"/>`;
}

export function withPrint(scale: Scale, print: (value: number) => string) {
  return Object.assign(scale, { print });
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
