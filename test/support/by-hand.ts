import { amountOf, amountsOf, decimal, minimum, ZERO, type Amounts, type DecimalText } from '../../core/money/index.js';
import { carriedForward, differenceOf } from '../../core/watch/carried.js';
import { sampleAccount, UNWATCHED, type Observation, type Sample, type WatchState } from '../../core/watch/sample.js';
import { nettedOf } from '../../core/watch/unexplained.js';

const d = (value: string): DecimalText => value as DecimalText;
const MORNING = 20_000 * 86_400_000 + 3_600_000;
const SKEW_MS = 120_000;
const SAMPLE_MS = 1_000;
const RULES = {
  ...{ dailyLossWarnRatio: 0.9, dailyLossLimitRatio: 0.91, drawdownWarnRatio: 0.9, drawdownLimitRatio: 0.91 },
  ...{ venueUnreachableMs: 120_000, noMarketDataMs: 300_000, unmarkedPrices: {} },
};

export interface Movement {
  readonly kind: 'deposited' | 'withdrawn' | 'traded';
  readonly amounts: Amounts;
}
export const deposit = (amount: string, asset = 'USDT'): Movement => ({ kind: 'deposited', amounts: { [asset]: d(amount) } });
export const withdrawal = (amount: string, asset = 'USDT'): Movement => ({ kind: 'withdrawn', amounts: { [asset]: d(`-${amount}`) } });
export const trade = (usdt: string, btc: string): Movement => ({ kind: 'traded', amounts: { USDT: d(usdt), BTC: d(btc) } });

/**
 * An account of 100,000 USDT whose balances other hands move: what the venue shows and what is booked, each in its own time, and what the watch
 * makes of it. The books are told as `moved_beside` tells them.
 */
export class ByHand {
  state: WatchState = UNWATCHED;
  now = MORNING;
  price = '50000';
  /** What is ours, by its own fills. */
  ledger: Amounts = { USDT: d('100000') };
  private readonly gapMs: number;
  private sleptMs = 0;
  private external: Amounts = {};
  private readonly entries: { readonly movement: Movement; readonly time: number }[] = [];

  /** @param gapMs from one sample to the next */
  constructor(gapMs = 90_000) {
    this.gapMs = gapMs;
    this.looks();
  }

  moves(...movements: readonly Movement[]): void {
    this.external = movements.reduce((sum, { amounts }) => carriedForward(sum, amounts), this.external);
  }

  /** @param time when it happened */
  books(movement: Movement, time = this.now): void {
    this.entries.push({ movement, time });
  }

  /** A fill of ours that is booked when the venue shows it. */
  fills([usdt, btc]: readonly [string, string]): void {
    this.ledger = carriedForward(this.ledger, trade(usdt, btc).amounts);
  }

  /** … and one that the venue has shown as moved by nobody knows whom. */
  booksFill(fill: readonly [string, string]): void {
    this.external = differenceOf(this.external, trade(...fill).amounts);
    this.fills(fill);
  }

  netted(): Amounts {
    const { unexplained, external } = this.state;
    return unexplained === undefined ? {} : nettedOf(unexplained, this.booked(), external ?? {});
  }

  /** Nobody looks for so long. */
  sleeps(ms: number): void {
    this.now += ms;
    this.sleptMs = ms;
  }

  /**
   * Two readings that show the same, and the sample after them; those of the seconds before have shown nothing new, where nobody slept.
   * @param isFirst the first reading of a process: nobody knows yet whether the next one shows the same
   */
  looks(isFirst = false): Sample {
    this.now += this.gapMs;
    const lastTime = this.now - (this.sleptMs === 0 ? SAMPLE_MS : this.sleptMs + this.gapMs);
    this.sleptMs = 0;
    const sample = sampleAccount(
      'main',
      this.state,
      {
        ...{ now: this.now, lastTime, mode: 'normal', hold: undefined, latch: 'none', unnotedHalt: undefined },
        ...{ ledger: this.ledger, booked: this.booked(), isReadingFresh: true },
        prices: {
          ...{ quote: 'USDT', instruments: ['BTC/USDT'], markMaxAgeMs: 3_000, unmarkedPrices: {} },
          marks: { 'BTC/USDT': { price: d(this.price), ageMs: 0 } },
        },
        readings: { last: this.external, before: isFirst ? undefined : this.external, ledger: this.ledger },
        ages: { venueMs: 0, marketDataMs: 0, marketDataLimitMs: 300_000, comparedMs: 0 },
      },
      RULES,
    );
    this.state = sample.state;
    return sample;
  }

  private booked(): Observation['booked'] {
    const { unexplained } = this.state;
    const sum = (which: (movement: Movement, asset: string, time: number) => boolean, isTakenOnly = false): Amounts => {
      let total: Amounts = {};
      for (const { movement, time } of this.entries) {
        const parts = Object.keys(movement.amounts)
          .filter((asset) => which(movement, asset, time))
          .map((asset) => [asset, amountOf(movement.amounts, asset)] as const);
        const amounts = amountsOf(parts.map(([asset, amount]) => [asset, isTakenOnly ? minimum(ZERO, amount) : amount]));
        total = carriedForward(total, amounts);
      }
      return amountsOf(Object.entries(total).flatMap(([asset, amount]) => (amount === '0' ? [] : [[asset, decimal(amount)] as const])));
    };
    const isWithdrawn = ({ kind }: Movement): boolean => kind === 'withdrawn';
    const from = (asset: string): number => {
      const gone = unexplained?.assets[asset];
      return (gone === undefined ? unexplained?.checked : gone.from) ?? 0;
    };
    const to = (asset: string): number => unexplained?.assets[asset]?.to ?? Infinity;
    return {
      deposited: sum(({ kind }) => kind === 'deposited'),
      withdrawn: sum(isWithdrawn),
      traded: sum(({ kind }) => kind === 'traded'),
      before: sum((movement, asset, time) => isWithdrawn(movement) && time + SKEW_MS < from(asset)),
      after: sum((movement, asset, time) => isWithdrawn(movement) && time - SKEW_MS > to(asset)),
      given: sum(() => true, true),
      early: sum((movement, _, time) => isWithdrawn(movement) && time + SKEW_MS < (unexplained?.went?.since ?? 0)),
    };
  }
}

export const gone = ({ state }: Sample): Amounts =>
  amountsOf(Object.entries(state.unexplained?.assets ?? {}).map(([asset, { quantity }]) => [asset, decimal(quantity)]));
export const told = (sample: Sample): object => ({
  ...{ gone: gone(sample), pnl: sample.figures?.dailyPnl, flows: sample.state.performance?.dayFlows },
  drawdown: sample.figures?.drawdownRatio.toDecimalPlaces(12).toFixed(),
});
