import type { RequestEvent } from '../journal/record.js';
import type { Params } from './params.js';
import type { Admission } from './sign.js';

const LONGEST = 64;

/** A signed call that changes orders, as the journal has it; `code` 0: accepted. */
export function requestEventOf(
  call: { readonly name: string; readonly params: Params; readonly account: { readonly name: string } },
  admission: Admission,
  code: number,
  message: string,
): RequestEvent {
  const values = new Map(call.params.entries());
  const text = (name: string): string => (values.get(name) ?? '').slice(0, LONGEST);
  return {
    type: 'request',
    call: call.name,
    account: call.account.name,
    symbol: text('symbol'),
    clientOrderId: text(call.name.startsWith('POST') ? 'newClientOrderId' : 'origClientOrderId'),
    timestamp: admission.timestamp,
    recvWindow: admission.recvWindow,
    code,
    message,
  };
}
