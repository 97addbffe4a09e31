/** OpenClaw comes with the gateway; installing its 650 MB for one function is left to test/openclaw. */
declare module 'openclaw/plugin-sdk/plugin-entry' {
  import type { PluginApi } from './openclaw.ts';

  export function definePluginEntry(entry: {
    id: string;
    name: string;
    description: string;
    register(api: PluginApi): void;
  }): unknown;
}
