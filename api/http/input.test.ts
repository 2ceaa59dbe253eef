import { expect, it } from 'vitest';
import { idInput } from './input.js';

it.each(['ea20cb16-971a-6db8-f437-9e15a896a687', 'DD728AA2-550C-7D19-D36A-000000000000', 'c8815635-3d2f-4a5b-9c1d-0123456789ab'])(
  'takes the id of a run or a request, also of one that is made of what it is for: %s',
  (id) => {
    expect(idInput.parse(id)).toBe(id.toLowerCase());
  },
);

it.each(['', 'main', 'ea20cb16971a6db8f4379e15a896a687', "ea20cb16-971a-6db8-f437-9e15a896a68'"])('refuses %j', (id) => {
  expect(idInput.safeParse(id).success).toBe(false);
});
