import { affordable, shareOf, type Units } from '../amount/units.js';
import type { Account } from '../accounts/accounts.js';
import type { Ledger } from '../accounts/ledger.js';
import type { Side } from '../book/side.js';
import type { Instrument } from '../market/instrument.js';

/** Rates in hundred-thousandths of the amount: 1 bps is 10. */
export interface FeeRates {
  readonly maker: bigint;
  readonly taker: bigint;
}

export interface Commission {
  readonly asset: string;
  readonly amount: Units;
}

export interface FeeQuestion {
  readonly account: Account;
  readonly instrument: Instrument;
  readonly side: Side;
  readonly quantity: Units;
  readonly quote: Units;
  readonly rate: bigint;
  /** Last price of an asset in the instrument's quote asset; `undefined` when the venue does not trade it. */
  readonly priceOf: (asset: string) => Units | undefined;
}

/**
 * The commission of one side of a trade. It is taken from the asset that the account has chosen; where that has not
 * enough free, or has no price, from what the trade brings, as the venue does with its own coin.
 */
export function commissionOf(question: FeeQuestion, ledger: Ledger): Commission {
  const { account, instrument, side, quantity, quote, rate } = question;
  const chosen = account.feeAsset === 'quote' ? instrument.quote : account.feeAsset;
  const received = side === 'BUY' ? instrument.base : instrument.quote;
  if (chosen !== 'received' && chosen !== received) {
    const amount = inAsset(question, chosen, shareOf(quote, rate));
    if (amount !== undefined && ledger.balance(account.name, chosen).free >= amount) return { asset: chosen, amount };
  }
  return { asset: received, amount: shareOf(side === 'BUY' ? quantity : quote, rate) };
}

function inAsset(question: FeeQuestion, asset: string, quoteAmount: Units): Units | undefined {
  if (asset === question.instrument.quote) return quoteAmount;
  if (asset === question.instrument.base) return shareOf(question.quantity, question.rate);
  const price = question.priceOf(asset);
  return price === undefined || price === 0n ? undefined : affordable(quoteAmount, price, 1n);
}
