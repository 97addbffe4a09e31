/** Every kind of write whose 2xx promises something, again and again, several at once. */
import { type Client, type Details, type Json, StartLine } from './client.ts';

/** So many rounds go on at once, in each other's way. */
const SIDE_BY_SIDE = 4;

/** Asks until at least `count` operations were answered. Runners are played by the client itself. */
export async function makeRounds(client: Client, count: number): Promise<void> {
  await wakeParkedPoll(client);
  let round = 0;
  const goOn = async () => {
    while (client.operations.length < count) await makeRound(client, `round-${++round}`);
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, goOn));
}

/** The claim of a waiting poll is in the commit of the submission that woke it. */
async function wakeParkedPoll(client: Client): Promise<void> {
  const polled = poll(client, 'parked', 10_000);
  await client.get('/tasks/stats');
  await client.post('/tasks', { command: 'echo wake' }, SUBMITTED);
  for (const claim of await polled) await finish(client, claim, 'woken');
}

async function makeRound(client: Client, mark: string): Promise<void> {
  const first = String((await submitTogether(client, mark))[0]?.taskId);
  const beat = { runnerId: `idle-${mark}`, instanceId: 'i', leases: [], spooled: [], slots: 1 };
  const event = { type: 'note', taskId: first, details: { note: `event-${mark}` } };
  await Promise.all([
    client.post(`/tasks/${first}/cancel`, {}, rows(first)),
    client.post('/worker/heartbeat', beat),
    client.post('/worker/event', event, rows(`event-${mark}`)),
    client.post(...onceSubmission(mark)),
  ]);
  await client.post(`/tasks/${first}/unstick`, {});
  const claims = await poll(client, mark, 1_000, 4);
  await Promise.all(claims.map((claim, turn) => settle(client, claim, turn)));
}

function submitTogether(client: Client, mark: string): Promise<Json[]> {
  const prompt = { prompt: `say ${mark}`, sessionId: `session-${mark}` };
  const callback = { callbackChannel: 'C1', callbackBotToken: `token-${mark}` };
  const submissions: [path: string, body: object, details: Details][] = [
    ['/tasks', { command: `echo command-${mark}` }, SUBMITTED],
    onceSubmission(mark, SUBMITTED),
    ['/claude', { ...prompt, ...callback }, SESSION_SUBMITTED],
    ['/codex', prompt, SESSION_SUBMITTED],
    ['/files/write', { path: `/nowhere/${mark}`, content: mark }, SUBMITTED],
    ['/files/read', { path: `/nowhere/${mark}` }, SUBMITTED],
  ];
  const start = new StartLine(submissions.length);
  return Promise.all(
    submissions.map(([path, body, details]) => client.post(path, body, { ...details, start })),
  );
}

/** The first is stored; its repetition gets the stored answer. */
function onceSubmission(mark: string, details: Details = {}): [string, object, Details] {
  const headers = { 'idempotency-key': `key-${mark}` };
  return ['/tasks', { command: `echo once-${mark}` }, { ...details, headers }];
}

/** What happens to a claim is a matter of chance for the tasks, and of turns for the proof. */
async function settle(client: Client, claim: Json, turn: number): Promise<void> {
  const ofTask = rows(String(claim.id));
  if (turn === 0) {
    await finish(client, claim, 'result');
    await client.get(`/tasks/${claim.id}`);
  } else if (turn === 1) {
    await client.post('/worker/release', { leaseId: claim.leaseId, reason: 'proof' }, ofTask);
  } else if (turn === 2) {
    await client.post(`/tasks/${claim.id}/cancel`, {}, ofTask);
    await finish(client, claim, 'cancelled', -1);
  } else {
    await finish(client, claim, 'failed', 1);
    await client.post(`/tasks/${claim.id}/retry`, {}, ofTask);
  }
}

async function poll(client: Client, mark: string, wait: number, max = 1): Promise<Json[]> {
  const query = `wait=${wait}&max=${max}&runnerId=runner-${mark}&instanceId=instance-${mark}`;
  const claimsOf = (answer: unknown) => answer as Json[];
  const rowsOf = (answer: Json) => claimsOf(answer).map(({ leaseId }) => String(leaseId));
  return claimsOf(await client.get(`/worker/poll?${query}`, { rowsOf }));
}

function finish(client: Client, { id: taskId, leaseId }: Json, word: string, exitCode = 0): Promise<Json> {
  const stdout = `${word}-${leaseId}`;
  return client.post('/worker/result', { taskId, leaseId, stdout, exitCode }, rows(stdout));
}

const SUBMITTED: Details = { rowsOf: ({ taskId }) => [String(taskId)] };
const SESSION_SUBMITTED: Details = { rowsOf: ({ taskId, sessionId }) => [String(taskId), String(sessionId)] };

function rows(...texts: string[]): Details {
  return { rowsOf: () => texts };
}
