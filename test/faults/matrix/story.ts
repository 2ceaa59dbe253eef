import type { Lane } from './lane.js';
import type { Moment, Plan } from './plan.js';
import { until } from './wait.js';

/** Tells the story up to its ending. What went wrong is judged afterwards; a condition that never comes true throws. */
export async function tell(lane: Lane, plan: Plan): Promise<void> {
  await lane.begin(plan);
  await act(lane, plan, 'before');
  let isAnswered = false;
  const opened = lane.open(plan.signalValidForMs).finally(() => (isAnswered = true));
  // Whoever waits for something of the entry stops waiting when the entry has failed, which is told below.
  opened.catch(() => undefined);
  if (plan.acts.working !== undefined) {
    const rests = await until('the entry does not rest', () => (lane.openAtVenue('entry').length > 0 ? 'yes' : isAnswered && 'no'));
    if (rests === 'yes') await act(lane, plan, 'working');
  }
  if (plan.acts.held !== undefined) {
    const holds = await until('the entry is not booked', async () => {
      if (!(await lane.holding()).sellable.isZero()) return 'yes';
      return isAnswered && 'no';
    });
    if (holds === 'yes') await act(lane, plan, 'held');
  }
  await opened;
  if (!(await lane.holding()).sellable.isZero()) await leave(lane, plan);
}

async function leave(lane: Lane, plan: Plan): Promise<void> {
  if (plan.ending === 'exitWhenStruck') {
    await until('the fault does not strike', () => lane.struck(plan) > 0);
  } else if (plan.ending !== 'exitAtOnce' || plan.acts.protected !== undefined) {
    if ((await lane.protectedOrGone()) === 'gone') return;
    await act(lane, plan, 'protected');
  }
  if (plan.ending === 'stopReached' || plan.ending === 'gap') {
    if ((await lane.protectedOrGone()) === 'gone') return;
    await lane.reachStop(plan.ending === 'gap');
  } else {
    await lane.close();
  }
}

async function act(lane: Lane, plan: Plan, moment: Moment): Promise<void> {
  const done = plan.acts[moment];
  if (done === undefined) return;
  lane.hasActed = true;
  await done(lane);
}
