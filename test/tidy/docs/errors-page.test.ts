import { expect, it } from 'vitest';
import { ERRORS } from '../../../core/errors.js';
import { errorsPage } from './errors-page.js';

it('errors.md lists every code once', () => {
  for (const code of Object.keys(ERRORS)) expect(errorsPage().split(`| \`${code}\` |`), code).toHaveLength(2);
});

it('errors.md is what the registry says (npm test -- test/tidy/docs --update)', async () => {
  await expect(errorsPage()).toMatchFileSnapshot('../../../docs/reference/errors.md');
});
