import { RUNBOOKS } from '../../core/runbook/spec.js';
import { everyDeath } from '../faults/crash/runbook-parts.js';
import { runKilled } from '../faults/crash/runbook-stories.js';
import { openServers } from '../faults/crash/servers.js';
import { textOf } from '../faults/programs/point.js';
import { Places } from '../support/places.js';
import { provideTemporal } from '../support/temporal-server.js';

/**
 * Kills a guardian before and after everything that is written of a run, one death a run, in each part of each runbook; a line for each.
 * @param only part of the names of the deaths that are wanted
 * @returns whether each run came to its end as if nobody had died
 */
export async function soakRunbooks({ worlds, only }: { readonly worlds: number; readonly only: string }): Promise<boolean> {
  const deaths = RUNBOOKS.flatMap((runbook) =>
    everyDeath(runbook).map((point) => ({ runbook, point, name: `${runbook} ${textOf(point)}` })),
  );
  const temporal = provideTemporal();
  const servers = await openServers((await temporal.get()).address);
  const places = Places.empty(worlds);
  let isSound = true;
  try {
    const told = deaths
      .filter(({ name }) => name.includes(only))
      .map(({ runbook, point, name }) =>
        places.run(async () => {
          const problems = await runKilled(servers, runbook, [point]).catch((error: unknown) => [String(error)]);
          isSound &&= problems.length === 0;
          process.stdout.write(
            `${problems.length === 0 ? 'sound ' : 'BROKEN'}  ${name}\n${problems.map((one) => `        ${one}\n`).join('')}`,
          );
        }),
      );
    await Promise.all(told);
    return isSound;
  } finally {
    await servers.close();
    await temporal.stop();
  }
}
