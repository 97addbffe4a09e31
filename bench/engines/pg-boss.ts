/** pg-boss as shipped, in batches of 50: inserted, fetched and completed. */
import { PgBoss } from 'pg-boss';
import { share } from '../measure.ts';
import { type Engine, type Job, payloadOf } from './engine.ts';

const NAME = 'tasks';
const BATCH = 50;
/** As many as its pool has connections. */
const AT_ONCE = 10;

export async function open({ host, user }: Job): Promise<Engine> {
  const boss = new PgBoss({ host, user, database: 'postgres', max: AT_ONCE });
  await boss.start();
  await boss.createQueue(NAME);
  return {
    async run(count) {
      let done = 0;
      const workSome = async () => {
        const worked = await work(boss);
        done += worked;
      };
      await share(AT_ONCE, count / BATCH, async () => {
        await boss.insert(NAME, batch());
        await workSome();
      });
      // A fetch passes over what another one has locked in the same moment.
      while (done < count) await workSome();
    },
  };
}

function batch() {
  return Array.from({ length: BATCH }, (_, n) => ({ data: payloadOf(n) }));
}

/** How many it has fetched and completed. */
async function work(boss: PgBoss): Promise<number> {
  const jobs = await boss.fetch(NAME, { batchSize: BATCH });
  const ids = jobs.map((job) => job.id);
  if (ids.length > 0) await boss.complete(NAME, ids);
  return jobs.length;
}
