#!/usr/bin/env node
// Plain JavaScript that any Node since 14 can run, so that an old one hears a sentence instead of crashing.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `openclaw-runner needs Node 22.18 or newer, and this is Node ${process.versions.node}: ` +
      'start it through npm ("npm start" in a clone, "npx openclaw-runner" elsewhere), which brings Node 24 along ' +
      'on Linux x64, or install a newer Node from https://nodejs.org.\n',
  );
  process.exitCode = 1;
} else {
  // Compiled code is kept beside the code that it is made of, where whoever may write it may change that as well. Where
  // it can't be written, and under NODE_DISABLE_COMPILE_CACHE, there is none; NODE_COMPILE_CACHE names another place.
  module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url)));
  // A clone runs its sources; the package holds them built, since Node strips no types below node_modules.
  const source = new URL('../src/main.ts', import.meta.url);
  await import(existsSync(source) ? source.href : new URL('../dist/main.js', import.meta.url).href);
}
