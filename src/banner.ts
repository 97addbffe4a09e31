import { styleText } from 'node:util';
import { invocation, type Reach } from './invocation.ts';
import { VERSION } from './version.ts';

/** The first lines on a terminal. `runner` says what the runner in this process is, null when there is none. */
export function banner({ runner, ...reach }: Reach & { runner: string | null }): string {
  const rows = [
    row('Task API', styleText('cyan', reach.url)),
    row('Token', reach.tokenFile ?? 'from WORKER_TOKEN'),
    ...(runner === null ? [] : [row('Runner', runner)]),
  ];
  const line = styleText('bold', invocation('submit', "'echo hello'", reach));
  return [
    '',
    `  ${styleText('bold', 'OpenClaw Docker Runner')} ${styleText('dim', VERSION)}`,
    '',
    ...rows,
    '',
    `  Submit a task from a second terminal${reach.tokenFile === null ? ' (with WORKER_TOKEN set there)' : ''}:`,
    '',
    `    ${line}`,
    '',
    styleText('dim', '  Ctrl-C stops it once what runs is done; a second one, without waiting.'),
    '',
    '',
  ].join('\n');
}

function row(name: string, value: string): string {
  return `  ${styleText('dim', name.padEnd(10))}${value}`;
}
