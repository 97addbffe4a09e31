import { describe, expect, test } from 'vitest';
import { childEnvironment } from '../../../src/workers/environment.ts';
import { windows } from '../../../src/workers/platform/windows.ts';

const SECRETS = {
  WORKER_TOKEN: 's',
  CALLBACK_BOT_TOKEN: 's',
  DISCORD_BOT_TOKEN: 's',
  OPENCLAW_HOOKS_TOKEN: 's',
  OPENCLAW_SECRET_KEY: 's',
  TELEGRAM_BOT_TOKEN: 's',
  SLACK_BOT_TOKEN: 's',
  WEBHOOK_SECRET: 's',
  CLAUDECODE: '1',
};

describe('the environment of a child process', () => {
  test('has what programs need to find their way about, and nothing else', () => {
    const needed = {
      PATH: '/bin',
      HOME: '/home/me',
      LANG: 'C',
      LC_TIME: 'C',
      XDG_CACHE_HOME: '/cache',
      TZ: 'UTC',
    };
    const others = {
      ...SECRETS,
      AWS_SECRET_ACCESS_KEY: 's',
      SSH_AUTH_SOCK: '/agent',
      NODE_OPTIONS: '--inspect',
      MY: '1',
    };
    expect(childEnvironment({ ...needed, ...others })).toEqual(needed);
  });

  test('has what is named, by name or by its beginning', () => {
    const source = {
      SSH_AUTH_SOCK: '/agent',
      AWS_REGION: 'eu',
      AWS_PROFILE: 'me',
      GITHUB_TOKEN: 't',
      OTHER: '1',
    };
    expect(childEnvironment(source, ['SSH_AUTH_SOCK', 'AWS_*', 'GITHUB_TOKEN'])).toEqual({
      SSH_AUTH_SOCK: '/agent',
      AWS_REGION: 'eu',
      AWS_PROFILE: 'me',
      GITHUB_TOKEN: 't',
    });
  });

  test('never has a secret of ours, even when it is named', () => {
    expect(childEnvironment(SECRETS, Object.keys(SECRETS))).toEqual({});
    expect(childEnvironment(SECRETS, ['*'])).toEqual({});
  });

  test('has a PATH without the folders that npm put there for us', () => {
    const PATH = '/repo/node_modules/.bin:/npm/node-gyp-bin:/usr/local/bin:/usr/bin';
    expect(childEnvironment({ PATH, npm_lifecycle_event: 'start' })).toEqual({
      PATH: '/usr/local/bin:/usr/bin',
    });
    expect(childEnvironment({ PATH })).toEqual({ PATH });
  });

  test('on Windows knows no upper and lower case', () => {
    const source = { Path: 'C:\\', SystemRoot: 'C:\\Windows', Worker_Token: 's' };
    expect(childEnvironment(source, ['worker_token'], windows)).toEqual({
      Path: 'C:\\',
      SystemRoot: 'C:\\Windows',
    });
  });
});
