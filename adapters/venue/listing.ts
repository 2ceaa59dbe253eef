import { KeelsonError } from '../../core/errors.js';
import { decimal, maximum, text, type DecimalText } from '../../core/money/index.js';
import type { InstrumentRules } from '../../core/order/instrument.js';
import type { CcxtRest } from './ccxt-classes.js';
import type { Names, WireProfile } from './profiles/wire-profile.js';
import { isTooOften, plainDetail } from './verdict.js';
import { rowOf } from './wire-row.js';

/** What the library knows of a listed instrument, as far as we look at it. */
interface Market {
  readonly symbol: string;
  readonly id: string;
  readonly base: string;
  readonly quote: string;
  readonly info: unknown;
}

/** The units of assets, by the venue's words for them. */
type Units = ReadonlyMap<string, DecimalText>;

function unitOf<Key extends string>(key: Key, unit: DecimalText | undefined): Partial<Record<Key, DecimalText>> {
  return unit === undefined ? {} : ({ [key]: unit } as Partial<Record<Key, DecimalText>>);
}

/**
 * The step of quantities: that of orders, or the unit in which the venue keeps what is traded where that is coarser. Of finer quantities less
 * would be there than was bought, and more would be sold than is there.
 */
function stepIn(unit: DecimalText | undefined, stepSize: DecimalText): DecimalText {
  return unit === undefined ? stepSize : text(maximum(decimal(unit), decimal(stepSize)));
}

/** The venue's list of instruments, loaded by the reading client and shared with the others, which ask for nothing. */
export class Listing implements Names {
  readonly #source: CcxtRest;
  readonly #followers: readonly CcxtRest[];
  readonly #profile: WireProfile;
  readonly #only: ReadonlySet<string> | undefined;
  #instruments: ReadonlyMap<string, string> = new Map();
  #assets: ReadonlyMap<string, string> = new Map();
  #byInstrument: ReadonlyMap<string, Market> = new Map();
  readonly #followed = new Set<() => void>();
  readonly #log: { warn(data: object, message: string): void } | undefined;
  /** As they were read last. */
  #units: Units | undefined;
  /** They are older than the list, and that was told. */
  #areUnitsOld = false;

  constructor(parts: {
    readonly source: CcxtRest;
    readonly followers: readonly CcxtRest[];
    readonly profile: WireProfile;
    /** The instruments that are looked at; all of them when it is not given. */
    readonly only: readonly string[] | undefined;
    readonly log: { warn(data: object, message: string): void } | undefined;
  }) {
    this.#source = parts.source;
    this.#followers = parts.followers;
    this.#profile = parts.profile;
    this.#only = parts.only === undefined ? undefined : new Set(parts.only);
    this.#log = parts.log;
  }

  readonly instrumentOf = (symbolId: string): string => this.#instruments.get(symbolId) ?? symbolId;
  readonly assetOf = (id: string): string => this.#assets.get(id) ?? id;

  /** @throws KeelsonError RISK_INSTRUMENT_UNKNOWN */
  symbolId(instrument: string): string {
    const market = this.#byInstrument.get(instrument);
    if (market === undefined) throw new KeelsonError('RISK_INSTRUMENT_UNKNOWN', { venue: this.#profile.id, instrument });
    return market.id;
  }

  isListed(instrument: string): boolean {
    return this.#byInstrument.has(instrument);
  }

  /** Calls it each time that the list was read anew. @returns ends that */
  onReload(call: () => void): () => void {
    this.#followed.add(call);
    return () => void this.#followed.delete(call);
  }

  /** Gives a client the instruments that are known now. */
  share(client: CcxtRest): void {
    client.setMarketsFromExchange(this.#source);
  }

  /**
   * Asks the venue for its instruments. Fails with the library's errors, and with VENUE_UNAVAILABLE where none is listed at all: that is no
   * list, and what is held there would be taken for delisted.
   * @param also looked at besides `only`
   */
  async reload(also: readonly string[] = []): Promise<readonly InstrumentRules[]> {
    const markets = Object.values(await this.#source.loadMarkets(true)) as unknown as Market[];
    if (markets.length === 0) {
      const detail = 'its list of instruments is empty';
      throw new KeelsonError('VENUE_UNAVAILABLE', { venue: this.#profile.id, call: 'instruments', detail });
    }
    const looked = this.#only === undefined ? undefined : new Set([...this.#only, ...also]);
    const words = markets.map((market) => ({ market, ...this.#profile.words(rowOf(market.info, 'an instrument')) }));
    const told = words.filter(({ market }) => looked?.has(market.symbol) ?? true);
    const units = await this.#readUnits(told.flatMap(({ base, quote }) => [base, quote]));
    this.#instruments = new Map(
      words.flatMap(({ market, symbols }) => [market.id, ...symbols].map((symbolId) => [symbolId, market.symbol] as const)),
    );
    this.#assets = new Map(words.flatMap(({ market, base, quote }) => [[base, market.base] as const, [quote, market.quote] as const]));
    this.#byInstrument = new Map(markets.map((market) => [market.symbol, market]));
    for (const follower of this.#followers) this.share(follower);
    for (const call of this.#followed) call();
    return told.map(({ market, base, quote }) => {
      const rules = this.#profile.rules(market.symbol, rowOf(market.info, 'an instrument'));
      const stepSize = stepIn(units?.get(base), rules.stepSize);
      return { ...rules, stepSize, ...unitOf('baseUnit', units?.get(base)), ...unitOf('quoteUnit', units?.get(quote)) };
    });
  }

  /**
   * The units of assets hardly ever change; filters and statuses do. So where the units alone are not answered those of before go on, told once.
   * Not where one of `assets` is none of them: of what is not known nothing is guessed. And not where we ask too often: whoever asks has to know.
   */
  async #readUnits(assets: readonly string[]): Promise<Units | undefined> {
    const { id, calls } = this.#profile;
    if (calls.assetUnits === undefined) return undefined;
    try {
      this.#units = await calls.assetUnits(this.#source);
      this.#areUnitsOld = false;
    } catch (error) {
      const known = this.#units;
      if (known === undefined || isTooOften(error) || assets.some((asset) => !known.has(asset))) throw error;
      const detail = plainDetail(error);
      if (!this.#areUnitsOld)
        this.#log?.warn({ venue: id, error: detail }, 'the units of assets are not answered; those that were read last go on');
      this.#areUnitsOld = true;
    }
    return this.#units;
  }
}
