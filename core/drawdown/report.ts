import { ZERO, decimal, text, type Decimal, type DecimalText } from '../money/index.js';
import type { Loss } from './losses.js';

/** How a halted account came to its loss. Times are epoch ms. */
export interface DrawdownReport {
  readonly account: string;
  readonly reason: string;
  /** When the equity was as high as its peak; null where no minute that is kept was. */
  readonly peakTime: number | null;
  /** From when on results count: the peak, or the begin of the halt's day where that is earlier. */
  readonly sinceTime: number;
  readonly engagedTime: number;
  /** Null: not at the time of the report. */
  readonly verifiedTime: number | null;
  readonly losses: readonly Loss[];
  readonly totals: Readonly<Record<string, Totals>>;
  /** For reading: the same in words. */
  readonly text: string;
}

/** In one quote asset. */
export interface Totals {
  /** Without what was traded by hand. */
  readonly realizedPnl: DecimalText;
  /** Without what has no price. */
  readonly unrealizedPnl: DecimalText;
  readonly slippage: DecimalText;
}

export function reportOf(told: Omit<DrawdownReport, 'totals' | 'text'>): DrawdownReport {
  const quotes = [...new Set(told.losses.map(({ quote }) => quote))];
  const totals = Object.fromEntries(quotes.map((quote) => [quote, totalsOf(told.losses.filter((loss) => loss.quote === quote))]));
  return { ...told, totals, text: describe(told, totals) };
}

function totalsOf(losses: readonly Loss[]): Totals {
  const sum = (amountOf: (loss: Loss) => DecimalText | null): DecimalText =>
    text(losses.reduce<Decimal>((so, loss) => so.plus(decimal(amountOf(loss) ?? '0')), ZERO));
  return {
    realizedPnl: sum(({ realizedPnl }) => realizedPnl),
    unrealizedPnl: sum(({ unrealizedPnl }) => unrealizedPnl),
    slippage: sum(({ slippage }) => slippage),
  };
}

const at = (time: number | null): string => (time === null ? '–' : new Date(time).toISOString());

function describe(told: Omit<DrawdownReport, 'totals' | 'text'>, totals: DrawdownReport['totals']): string {
  const { account, reason, peakTime, sinceTime, engagedTime, verifiedTime, losses } = told;
  return [
    `# Drawdown of ${account}`,
    reason,
    [
      `- peak: ${at(peakTime)}`,
      `- halted: ${at(engagedTime)}`,
      `- verified: ${at(verifiedTime)}`,
      `- results since: ${at(sinceTime)}`,
    ].join('\n'),
    [
      '| strategy | instrument | realized | unrealized | held | fees | slippage | fills |',
      '|---|---|---|---|---|---|---|---|',
      ...losses.map(
        ({ strategy, instrument, realizedPnl, unrealizedPnl, quantity, fees, slippage, fills, quote }) =>
          `| ${strategy ?? 'by hand'} | ${instrument} | ${realizedPnl === null ? 'not known' : `${realizedPnl} ${quote}`} | ${unrealizedPnl ?? (strategy === null ? 'not known' : 'no price')} | ${quantity} | ${fees} | ${slippage} | ${fills} |`,
      ),
      ...Object.entries(totals).map(
        ([quote, total]) => `| **all** | ${quote} | ${total.realizedPnl} ${quote} | ${total.unrealizedPnl} | | | ${total.slippage} | |`,
      ),
    ].join('\n'),
  ].join('\n\n');
}
