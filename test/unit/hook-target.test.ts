import { describe, expect, it } from 'vitest';
import { hookTargetFor, parseHookTarget } from '../../src/hook-target.ts';

const CHANNELS = ['telegram', 'discord', 'msteams', 'wake', 'lasting', 'Slack'];
const RECIPIENTS = [
  '7',
  '-100:topic:5',
  'channel:123',
  '19:a@thread.tacv2',
  '@us',
  'spaces/AAA',
  'a b',
  'a\nb',
  '/x',
  ':',
];
const NAMES = ['taskdone', 'a', '_-9', 'Wake', 'agents', 'n'.repeat(64)];

describe('a target', () => {
  it('is the agent itself', () => {
    expect(parseHookTarget('wake')).toEqual({ form: 'wake' });
  });

  it('is a conversation, whose channel ends at the first colon', () => {
    for (const channel of CHANNELS) {
      for (const to of RECIPIENTS) {
        expect(parseHookTarget(`${channel}:${to}`)).toEqual({ form: 'agent', channel, to });
      }
    }
  });

  it('is a mapping, with a conversation or without', () => {
    for (const name of NAMES) {
      expect(parseHookTarget(`/${name}`)).toEqual({ form: 'mapping', name, conversation: null });
      for (const channel of CHANNELS) {
        for (const to of RECIPIENTS) {
          const target = { form: 'mapping', name, conversation: { channel, to } };
          expect(parseHookTarget(`/${name}/${channel}:${to}`)).toEqual(target);
        }
      }
    }
  });

  it.each([
    ['empty', ''],
    ['a blank', ' '],
    ['a channel alone', 'telegram'],
    ['a channel without a recipient', 'telegram:'],
    ['a recipient without a channel', ':777'],
    ['a colon', ':'],
    ['nearly the agent itself', 'Wake'],
    ['the agent itself with a blank', 'wake '],
    ['a blank before the channel', ' telegram:777'],
    ['a blank behind the channel', 'telegram :777'],
    ['a blank before the recipient', 'telegram: 777'],
    ['a line break behind the recipient', 'telegram:777\n'],
    ['a recipient of blanks', 'telegram:  '],
    ['whoever was last', 'last:777'],
    ['whoever was LAST', 'LAST:777'],
    ['a path for a channel', 'hooks/telegram:777'],
    ['a mapping without a name', '/'],
    ['a mapping with a name that is too long', `/${'n'.repeat(65)}`],
    ['a mapping with a dot', '/..'],
    ['a mapping with an escape', '/a%2Fb'],
    ['a mapping with a query', '/a?token=b'],
    ['a mapping with a line break', '/a\n'],
    ['a mapping with a slash at the end', '/a/'],
    ['a mapping with two slashes', '/a//telegram:777'],
    ['a mapping with two names', '/a/b'],
    ['a mapping of whoever was last', '/a/last:777'],
    ['a mapping with a blank recipient', '/a/telegram: '],
    ['the gateway’s own hook for a mapping', '/wake'],
    ['the gateway’s other hook for a mapping', '/agent/telegram:777'],
    ['a URL', 'https://gateway.example/hooks/wake '],
  ])('is not %s', (_, target) => {
    expect(parseHookTarget(target)).toBeNull();
  });
});

describe('the hook of a chat', () => {
  it.each([
    ['a chat of Telegram', 'telegram', '777', null, 'telegram:777'],
    ['a topic of Telegram', 'telegram', '-100', '5', 'telegram:-100:topic:5'],
    ['a channel of Discord', 'discord', '123', null, 'discord:channel:123'],
    ['a thread of Discord, which is a channel', 'discord', '123', '456', 'discord:channel:456'],
    ['a channel of Slack', 'slack', 'C1', null, 'slack:C1'],
  ])('names %s, by itself and behind a mapping', (_, kind, target, threadId, hook) => {
    expect(hookTargetFor({ kind, target, threadId }, null)).toBe(hook);
    expect(hookTargetFor({ kind, target, threadId }, 'taskdone')).toBe(`/taskdone/${hook}`);
    expect(hookTargetFor({ kind, target, threadId }, '/taskdone/')).toBe(`/taskdone/${hook}`);
    expect(parseHookTarget(hook)).toMatchObject({ form: 'agent', channel: kind });
    expect(parseHookTarget(`/taskdone/${hook}`)).toMatchObject({ form: 'mapping', name: 'taskdone' });
  });

  it('leaves a thread of Slack to a mapping, which is told of it apart', () => {
    const thread = { kind: 'slack', target: 'C1', threadId: '17.5' };
    expect(hookTargetFor(thread, null)).toBeNull();
    expect(hookTargetFor(thread, 'taskdone')).toBe('/taskdone/slack:C1');
  });

  it('is there for chats alone', () => {
    for (const kind of ['webhook', 'hook']) {
      expect(hookTargetFor({ kind, target: 'wake', threadId: null }, null)).toBeNull();
      expect(hookTargetFor({ kind, target: 'wake', threadId: null }, 'taskdone')).toBeNull();
    }
  });
});
