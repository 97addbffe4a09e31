/** The AI CLIs that a runner can drive: a file and a line each. */
export { claude } from './claude.ts';
export { codex } from './codex.ts';
export { gemini } from './gemini.ts';
