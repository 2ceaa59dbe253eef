import { findStrategy } from '../../core/strategy/registry.js';
import { runAsProcess } from '../../workers/composition/main.js';
import { AS_THEY_ARE } from '../../workers/composition/ports.js';
import { tradingRole } from '../../workers/roles/trading.js';
import { openFloor } from './floor.js';
import { Observer } from './observe.js';
import type { FloorStamps, PaceMessage } from './stamps.js';

/** The trading worker, composed as always, under observation; the floor runs beside it in the same process. */

const TELL_EVERY_MS = 500;

await runAsProcess('trading', async (opened) => {
  const observer = new Observer();
  let floors: FloorStamps[] = [];
  const floor = await openFloor(opened, (stamps) => floors.push(stamps));
  setInterval(() => {
    if (process.connected) process.send?.({ type: 'workerStamps', ...observer.take(), floors });
    floors = [];
  }, TELL_EVERY_MS).unref();
  process.on('message', (message: Partial<PaceMessage>) => {
    if (message.type === 'pace' && message.pace !== undefined) observer.pace = message.pace;
  });
  const role = await tradingRole(observer.process(opened), AS_THEY_ARE, {
    strategyOf: (id) => {
      const strategy = findStrategy(id);
      return strategy && observer.strategy(strategy, () => void floor.start());
    },
    enterOf: (enter) => observer.enter(enter),
  });
  return {
    ...role,
    async close() {
      await floor.close();
      await role.close();
    },
  };
});
