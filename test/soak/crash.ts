import { nameOf } from '../faults/crash/crash.js';
import { everyCrash } from '../faults/crash/points.js';
import { report, type Time } from '../faults/crash/report.js';
import { openServers } from '../faults/crash/servers.js';
import { crashWorlds } from '../faults/crash/worlds.js';
import { provideTemporal } from '../support/temporal-server.js';

/**
 * Kills a worker before, during and after every call of its ports, in each way that it is come to; a line for each.
 * @param only part of the names of the crashes that are wanted
 * @returns whether ledger and venue agreed after each
 */
export async function soakCrash({ worlds, only }: { readonly worlds: number; readonly only: string }): Promise<boolean> {
  const crashes = everyCrash().filter((crash) => nameOf(crash).includes(only));
  const temporal = provideTemporal();
  const servers = await openServers((await temporal.get()).address);
  const times: Time[] = [];
  let isSound = true;
  try {
    const worldsOf = crashWorlds(servers, worlds);
    const told = crashes.map(async (crash) => {
      const name = nameOf(crash);
      const problems = await worldsOf(crash)
        .run((crew) => crew.crash(crash))
        .then(
          ({ recoveryMs, restartMs, disagreements }) => {
            times.push({ name, ms: recoveryMs, restartMs });
            return disagreements;
          },
          (error: unknown) => [String(error)],
        );
      isSound &&= problems.length === 0;
      process.stdout.write(
        `${problems.length === 0 ? 'sound ' : 'BROKEN'}  ${name}\n${problems.map((one) => `        ${one}\n`).join('')}`,
      );
    });
    await Promise.all(told);
    process.stdout.write(`${report('from the kill until nothing was on its way', times)}\n`);
    return isSound;
  } finally {
    await servers.close();
    await temporal.stop();
  }
}
