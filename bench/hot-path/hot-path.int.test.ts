import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertBuild } from '../../test/faults/crash/servers.js';
import { until } from '../../test/faults/crash/until.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import { Joiner, type Measured } from './figures.js';
import { openStage, type Stage } from './stage.js';
import { temporalWritesBefore } from './temporal-writes.js';

/** What a worker does once in its life comes with its first signals. */
const FIRST = 4;
const ENOUGH = 6;

const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)(
  'what a signal does until its order request arrives, in the real processes over servers of their own',
  () => {
    const joiner = new Joiner();
    let stage: Stage | undefined;
    let measured: readonly Measured[] = [];

    beforeAll(async () => {
      await assertBuild();
      stage = await openStage((stamps) => joiner.see(stamps));
      stage.setPace('singly');
      measured = await until('so many signals are sent', () => {
        const later = joiner.measured().slice(FIRST);
        return later.length >= ENOUGH && later;
      });
    });
    afterAll(() => stage?.close());

    it('asks nothing of Postgres and nobody else on a socket before the durable start', () => {
      for (const one of measured) expect(one).toMatchObject({ statementsBeforeStart: 0, socketsBeforeStart: 0 });
    });

    it('then two statements', () => {
      expect(measured.map((one) => one.statements)).toEqual(measured.map(() => 2));
    });

    it('in a step that is begun with the acknowledged start, and that the workflow’s own meets', () => {
      expect(joiner.ranAgain).toEqual([]);
    });

    it('and one write of Temporal: the start, whose first task comes with its answer', async () => {
      expect(await temporalWritesBefore(String(stage?.temporalAddress), measured)).toEqual(measured.map(() => 1));
    });
  },
);
