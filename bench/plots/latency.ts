/** How many of the answers had arrived after so many milliseconds: pickup and result, ours and the relay. */
import { percentile, type Sides } from '../measure.ts';
import { axes, line, linear, logarithmic, type Panel, page, text, withPrint } from './svg.ts';

const WIDTH = 860;
const HEIGHT = 400;
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50];
const PERCENTS = Array.from({ length: 199 }, (_, n) => (n + 1) / 2);

export function latencyChart(samples: { pickup: Sides<number[]>; result: Sides<number[]> }): string {
  const range = rangeOf([samples.pickup, samples.result].flatMap(({ ours, reference }) => [ours, reference]));
  const panels = [
    panel(
      { left: 60, top: 70, width: 350, height: 250 },
      'pickup: task sent → poll answered',
      samples.pickup,
      range,
    ),
    panel(
      { left: 490, top: 70, width: 350, height: 250 },
      'result: result sent → waiter answered',
      samples.result,
      range,
    ),
  ];
  const title = 'Answers that have arrived, by milliseconds';
  return page(WIDTH, HEIGHT, title, [text(16, 26, title, { class: 'title' }), ...panels].join('\n'));
}

function panel(
  place: Panel,
  title: string,
  { ours, reference }: Sides<number[]>,
  range: readonly [number, number],
) {
  const { left, top, width, height } = place;
  const ticks = TICKS.filter((tick) => tick >= range[0] && tick <= range[1]);
  const x = withPrint(logarithmic(...range, left, left + width, ticks), String);
  const y = withPrint(linear(0, 100, top + height, top, [0, 25, 50, 75, 100]), (percent) => `${percent} %`);
  const curve = (side: number[]) =>
    PERCENTS.map((percent) => [x(percentile(side, percent)), y(percent)] as const);
  return [
    text(left, top - 14, title),
    axes(place, x, y),
    text(left + width, top + height + 44, 'ms, logarithmic', { anchor: 'end' }),
    line('reference', curve(reference)),
    line('ours', curve(ours)),
    ...legend(place, ours, reference),
  ].join('\n');
}

function legend({ left, top, height }: Panel, ours: number[], reference: number[]): string[] {
  const told = (side: number[]) => `${percentile(side, 50).toFixed(2)} ms`;
  const below = top + height;
  return [
    text(left, below + 44, `Task API, on disk: half by ${told(ours)}`, { class: 'label ours' }),
    text(left, below + 64, `Koa relay, no disk: half by ${told(reference)}`, { class: 'label reference' }),
  ];
}

/** Steps of the ticks around all but the slowest. */
function rangeOf(all: readonly number[][]): readonly [number, number] {
  const least = Math.min(...all.map((side) => percentile(side, 0.5)));
  const most = Math.max(...all.map((side) => percentile(side, 99.5)));
  return [TICKS.findLast((tick) => tick <= least) ?? 0.1, TICKS.find((tick) => tick >= most) ?? 50];
}
