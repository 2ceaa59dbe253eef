import { expect, it } from 'vitest';
import { addressPage } from './address-page.js';

it('accounts-at-an-address.md is what the plans say (npm test -- test/tidy/docs --update)', async () => {
  await expect(addressPage()).toMatchFileSnapshot('../../../docs/reference/accounts-at-an-address.md');
});
