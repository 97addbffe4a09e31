/** Loaded into the Task API that is fuzzed, beside its own code: at a SIGUSR2 it collects what lives no longer. */
process.on('SIGUSR2', () => globalThis.gc?.());
