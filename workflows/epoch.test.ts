import { describe, expect, it } from 'vitest';
import { interceptors } from './epoch.js';
import { EPOCH_HEADER } from './names.js';

const HEADERS = { [EPOCH_HEADER]: { data: new Uint8Array([50]) }, other: { data: new Uint8Array([1]) } };

/** What reaches each thing that a run does, when it was started with these headers. */
async function sent(started: object): Promise<readonly unknown[]> {
  const { inbound, outbound } = interceptors();
  const [inner, outer] = [inbound?.[0], outbound?.[0]];
  await inner?.execute?.({ args: [], headers: started } as never, async () => undefined);
  const seen: unknown[] = [];
  const keep = async (input: { readonly headers: unknown }): Promise<never> => (seen.push(input.headers), undefined as never);
  for (const what of ['scheduleActivity', 'scheduleLocalActivity', 'startChildWorkflowExecution', 'continueAsNew'] as const)
    await outer?.[what]?.({ headers: { own: 'x' } } as never, keep);
  return seen;
}

describe('P31: the epoch of a run', () => {
  it('goes to each activity, child and run that comes after it, and nothing else does', async () => {
    expect(await sent(HEADERS)).toEqual(Array(4).fill({ own: 'x', [EPOCH_HEADER]: HEADERS[EPOCH_HEADER] }));
  });

  it('is not made up for a run that tells none', async () => {
    expect(await sent({})).toEqual(Array(4).fill({ own: 'x' }));
  });
});
