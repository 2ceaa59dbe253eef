import { KeelsonError } from '../../core/errors.js';
import type { InstrumentRules } from '../../core/order/instrument.js';
import type { CcxtRest } from './ccxt-client.js';
import type { WireProfile } from './profiles/wire-profile.js';
import { rowOf } from './wire-row.js';

/** What the library knows of a listed instrument, as far as we look at it. */
interface Market {
  readonly symbol: string;
  readonly id: string;
  readonly info: unknown;
}

/** The venue's list of instruments, loaded by the reading client and shared with the others, which ask for nothing. */
export class Listing {
  readonly #source: CcxtRest;
  readonly #followers: readonly CcxtRest[];
  readonly #profile: WireProfile;
  readonly #only: ReadonlySet<string> | undefined;
  #bySymbolId: ReadonlyMap<string, Market> = new Map();
  #byInstrument: ReadonlyMap<string, Market> = new Map();

  /** `only`: the instruments that are looked at; all of them when it is not given. */
  constructor(source: CcxtRest, followers: readonly CcxtRest[], profile: WireProfile, only?: readonly string[]) {
    this.#source = source;
    this.#followers = followers;
    this.#profile = profile;
    this.#only = only === undefined ? undefined : new Set(only);
  }

  readonly instrumentOf = (symbolId: string): string => this.#bySymbolId.get(symbolId)?.symbol ?? symbolId;

  /** @throws KeelsonError RISK_INSTRUMENT_UNKNOWN */
  symbolId(instrument: string): string {
    const market = this.#byInstrument.get(instrument);
    if (market === undefined) throw new KeelsonError('RISK_INSTRUMENT_UNKNOWN', { venue: this.#profile.id, instrument });
    return market.id;
  }

  /** Gives a client the instruments that are known now. */
  share(client: CcxtRest): void {
    client.setMarketsFromExchange(this.#source);
  }

  /** Asks the venue for its instruments. Fails with the library's errors. */
  async reload(): Promise<readonly InstrumentRules[]> {
    const markets = Object.values(await this.#source.loadMarkets(true)) as unknown as Market[];
    this.#bySymbolId = new Map(markets.map((market) => [market.id, market]));
    this.#byInstrument = new Map(markets.map((market) => [market.symbol, market]));
    for (const follower of this.#followers) this.share(follower);
    return markets
      .filter((market) => this.#only?.has(market.symbol) ?? true)
      .map((market) => this.#profile.rules(market.symbol, rowOf(market.info, 'an instrument')));
  }
}
