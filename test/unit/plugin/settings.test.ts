/** The plugin's part of the gateway's configuration. */
import { describe, expect, it } from 'vitest';
import { clientFor, settingsOf } from '../../../plugin/src/settings.ts';

const DEFAULTS = {
  apiUrl: 'http://127.0.0.1:3456',
  apiToken: null,
  toolWaitMs: 60_000,
  promptTimeoutMs: 1_200_000,
};

describe('settings', () => {
  it.each([[undefined], [{}], [{ apiUrl: ' ', apiToken: '' }], [{ apiToken: { source: 'env', id: 'X' } }]])(
    'of %o are the usual ones',
    (config) => {
      expect(settingsOf(config)).toEqual(DEFAULTS);
    },
  );

  it('are in seconds, and without the blanks that came along with a paste', () => {
    const config = { apiUrl: ' https://tasks.example.org ', apiToken: ' the-token-of-a-person\n' };
    expect(settingsOf({ ...config, toolWaitSeconds: 5, promptTimeoutSeconds: 7 })).toEqual({
      ...{ apiUrl: 'https://tasks.example.org', apiToken: 'the-token-of-a-person' },
      ...{ toolWaitMs: 5_000, promptTimeoutMs: 7_000 },
    });
  });
});

describe('the client', () => {
  it('is made at the first use, once', () => {
    const client = clientFor({ apiUrl: 'http://127.0.0.1:3456', apiToken: 'the-token-of-a-person' });
    expect(client()).toBe(client());
  });

  it('says how to set the token where there is none', () => {
    const client = clientFor({ apiUrl: 'http://127.0.0.1:3456', apiToken: null });
    expect(client).toThrow(
      `The plugin has no token of the Task API: openclaw config set plugins.entries.openclaw-runner.config.apiToken '…'`,
    );
  });

  it('says what is wrong with an address, when it is used', () => {
    const client = clientFor({ apiUrl: 'ftp://tasks', apiToken: 'the-token-of-a-person' });
    expect(client).toThrow('url: expected an http:// or https:// address');
  });
});
