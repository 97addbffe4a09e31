import { expect, test } from 'vitest';
import { startApi, UUID } from '../support/http.ts';

const ENVELOPE = ['id', 'status', 'createdAt'];

test.each([
  [
    'write',
    { path: ' /a ', content: 'text', timeout: 5, origin: 'x' },
    { type: 'file-write', path: '/a', content: 'text', encoding: 'utf8' },
  ],
  [
    'write',
    { path: '/a', content: null },
    { type: 'file-write', path: '/a', content: null, encoding: 'utf8' },
  ],
  ['write', { path: '/a', content: '' }, { type: 'file-write', path: '/a', content: '', encoding: 'utf8' }],
  [
    'write',
    { path: '/a', content: { b: [1] }, encoding: null },
    { type: 'file-write', path: '/a', content: { b: [1] }, encoding: null },
  ],
  ['read', { path: '/a' }, { type: 'file-read', path: '/a' }],
  ['read', { path: '/a', encoding: 'utf8' }, { type: 'file-read', path: '/a' }],
  ['read', { path: '/a', encoding: 'base64' }, { type: 'file-read', path: '/a', encoding: 'base64' }],
  [
    'edit',
    { path: '/a', old_string: 'x', new_string: '' },
    { type: 'file-edit', path: '/a', oldString: 'x', newString: '', replaceAll: false },
  ],
  [
    'edit',
    { path: '/a', old_string: 0, new_string: null, replace_all: 'yes' },
    { type: 'file-edit', path: '/a', oldString: 0, newString: null, replaceAll: 'yes' },
  ],
])('hands on /files/%s %j in the order of the wire', async (route, body, payload) => {
  const api = await startApi();
  const answer = await api.post(`/files/${route}`, body);
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({
    taskId: expect.stringMatching(UUID),
    message: `File ${route} task created`,
  });
  const task = (await api.get('/worker/poll')).body;
  expect(task).toMatchObject(payload);
  expect(Object.keys(task)).toEqual([...ENVELOPE, ...Object.keys(payload), 'startedAt', 'completedAt']);
});

test.each([
  ['write', {}, 'path and content are required', 'path'],
  ['write', { path: '/a' }, 'path and content are required', 'content'],
  ['write', { path: 5, content: '' }, 'path and content are required', 'path'],
  ['write', { path: '  ', content: '' }, 'path and content are required', 'path'],
  ['read', {}, 'path is required', 'path'],
  ['read', { path: ['/a'] }, 'path is required', 'path'],
  ['edit', { old_string: 'a', new_string: 'b' }, 'path, old_string, new_string are required', 'path'],
  ['edit', { path: '/a', new_string: 'b' }, 'path, old_string, new_string are required', 'old_string'],
  ['edit', { path: '/a', old_string: 'b' }, 'path, old_string, new_string are required', 'new_string'],
])('refuses /files/%s %j', async (route, body, error, field) => {
  const api = await startApi();
  const answer = await api.post(`/files/${route}`, body);
  expect(answer.status).toBe(400);
  expect(answer.body).toEqual({ error, code: 'invalid_field', field });
});

test.each(['hex', '', null, 5])('refuses to read with the encoding %j', async (encoding) => {
  const api = await startApi();
  const answer = await api.post('/files/read', { path: '/a', encoding });
  expect([answer.status, answer.body.field]).toEqual([400, 'encoding']);
});
