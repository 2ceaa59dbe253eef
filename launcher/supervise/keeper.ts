import { readChildren } from './children-file.js';
import { stopLeftovers } from './leftovers.js';

/*
 * The keeper: a process that does nothing until the pipe from the supervisor closes. A database server knows of no pipe,
 * and a child whose event loop hangs cannot see its own close; when the supervisor is killed with -9 the keeper ends
 * them. A supervisor that stops in order leaves an empty list, and the keeper has nothing to do.
 */
const path = process.argv[2];
if (path === undefined) {
  process.stderr.write('usage: node keeper.js <children.json>\n');
  process.exit(2);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

let isCalled = false;
const onSupervisorGone = (): void => {
  if (isCalled) return;
  isCalled = true;
  stopLeftovers(readChildren(path)).then(
    () => process.exit(0),
    () => process.exit(1),
  );
};
process.stdin.on('end', onSupervisorGone);
process.stdin.on('error', onSupervisorGone);
process.stdin.resume();
