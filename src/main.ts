/** The entry of every subcommand; bin/openclaw-runner.mjs imports it once it knows that this Node is new enough. */
import { run } from './cli.ts';

process.exitCode = await run(process.argv.slice(2), process.env);
