import { expect, it } from 'vitest';
import { VIEW_FORM } from '../../core/protection/plan.js';
import { KEY } from '../../test/support/risk-view.js';
import type { OrderDependencies } from './dependencies.js';
import { createProtection } from './protect.js';
import { AccountQueues } from './write-verdict.js';

it('P32: a workflow is told what its build knows, and what it is decided by', async () => {
  const read = { stops: 1, form: VIEW_FORM, oversold: null, filled: '1' };
  const protection = createProtection({} as OrderDependencies, { readProtection: async () => read } as never, new AccountQueues());
  expect(await protection.look(KEY)).toEqual({ stops: 1 });
  expect(await protection.look(KEY, 2)).toEqual({ stops: 1, form: 2, oversold: null });
  for (const form of [3, VIEW_FORM]) expect(await protection.look(KEY, form)).toEqual({ ...read, form });
  // One of a newer build is told what this one knows.
  expect(await protection.look(KEY, VIEW_FORM + 1)).toEqual(read);
});
