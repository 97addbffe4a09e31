/** The servers that ours is compared with: small files beside this one, run by the same Node. */
import { fileURLToPath } from 'node:url';
import type { Stage } from '../stage.ts';
import type { Server } from './task-api.ts';

export type ReferenceName = 'relay' | 'four-routes' | 'parking' | 'bare-koa';

/** As long as a token of ours: they read the header, and do not look at it. */
const TOKEN = 'x'.repeat(48);

export async function startReference(
  stage: Stage,
  name: ReferenceName,
  env: Record<string, string> = {},
): Promise<Server> {
  const child = await launchReference(stage, name, env);
  const url = await child.says((line) => (line.startsWith('http://') ? line : undefined));
  return { url, token: TOKEN, child };
}

/** Without waiting until it serves. */
export function launchReference(stage: Stage, name: ReferenceName, env: Record<string, string> = {}) {
  const file = fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
  return stage.processes.launch(process.execPath, [file], { env: { PATH: process.env.PATH ?? '', ...env } });
}
