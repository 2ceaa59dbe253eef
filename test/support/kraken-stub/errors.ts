/** One page for the errors of every call, in a table and, newer, by sections; the page of a call names none of its own. */
const TABLE = 'https://docs.kraken.com/api/docs/guides/spot-errors';
const AUTHENTICATION = 'https://docs.kraken.com/exchange/guides/general/errors, Authentication errors';
const SUPPORT = 'https://support.kraken.com/hc/en-us/articles/360001491786-API-error-messages, General usage errors';
/** The words are on no page that was found: they are those that users of the API report. */
const NOWHERE = undefined;

/** Every error of the stub, with the page, and its section where there are some, that has its words. What follows a second colon is nowhere. */
const ERROR_PAGES = {
  'EAPI:Invalid key': AUTHENTICATION,
  'EAPI:Invalid signature': AUTHENTICATION,
  'EAPI:Invalid nonce': AUTHENTICATION,
  'EAPI:Rate limit exceeded': 'https://docs.kraken.com/exchange/guides/rest/ratelimits, Errors',
  'EGeneral:Invalid arguments:cl_ord_id': TABLE,
  'EGeneral:Invalid arguments:deadline': TABLE,
  'EGeneral:Invalid arguments:volume': TABLE,
  'EGeneral:Unknown method': NOWHERE,
  'EOrder:Cost minimum not met': TABLE,
  'EOrder:Insufficient funds': TABLE,
  'EOrder:Invalid order': NOWHERE,
  'EOrder:Order minimum not met': TABLE,
  'EOrder:Post only order': NOWHERE,
  'EOrder:Tick size check failed': TABLE,
  // An example of what the stream answers; the page of the call over REST has none.
  'EOrder:Unknown order': 'https://docs.kraken.com/api/docs/websocket-v1/cancelorder',
  'EQuery:Unknown asset pair': SUPPORT,
  'EService:Deadline elapsed': TABLE,
} as const;

export type StubError = keyof typeof ERROR_PAGES;
