/** What a submission and a claim cost, by how many tasks wait; and the same with an empty queue, measured in turns. */
import { axes, dot, line, linear, logarithmic, page, text, withPrint } from './svg.ts';

export interface BacklogPoint {
  pending: number;
  /** Median of one submission and one claim. */
  ms: number;
  emptyMs: number;
}

const WIDTH = 860;
const HEIGHT = 380;
const PANEL = { left: 60, top: 60, width: 750, height: 240 };
const LEAST = 100;
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10];

export function backlogChart(points: readonly BacklogPoint[]): string {
  const { left, top, width, height } = PANEL;
  const most = Math.max(...points.flatMap(({ ms, emptyMs }) => [ms, emptyMs])) * 1.25;
  const step = STEPS.find((one) => most / one <= 6) ?? most;
  const ticks = Array.from({ length: Math.floor(most / step) + 1 }, (_, n) => n * step);
  const y = withPrint(linear(0, most, top + height, top, ticks), (ms) => `${Number(ms.toFixed(1))} ms`);
  const pending = points.map((point) => Math.max(point.pending, LEAST));
  const x = withPrint(logarithmic(LEAST, Math.max(...pending), left, left + width, pending), printed);
  const of = (pick: (point: BacklogPoint) => number) =>
    points.map((point) => [x(point.pending), y(pick(point))] as const);
  const [ours, empty] = [of(({ ms }) => ms), of(({ emptyMs }) => emptyMs)];
  const title = 'One submission and one claim, by the number of tasks that wait';
  const content = [
    text(16, 26, title, { class: 'title' }),
    axes(PANEL, x, y),
    text(left + width, top + height + 44, 'tasks waiting, logarithmic', { anchor: 'end' }),
    line('reference', empty),
    line('ours', ours),
    ...ours.map(([px, py]) => dot('ours', px, py)),
    text(left, top + height + 44, 'with so many waiting (median)', { class: 'label ours' }),
    text(left, top + height + 64, 'with none waiting, in the same minutes', {
      class: 'label reference',
    }),
  ];
  return page(WIDTH, HEIGHT, title, content.join('\n'));
}

function printed(pending: number): string {
  return pending <= LEAST ? 'none' : pending.toLocaleString('en');
}
