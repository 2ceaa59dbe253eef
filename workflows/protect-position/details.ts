import { isContradicted, uncoveredOf, type ProtectionStep, type ProtectionView } from '../../core/protection/plan.js';
import { decimal, text, ZERO } from '../../core/money/index.js';
import type { PositionKey } from '../../core/protection/position-key.js';
import { lineOf } from '../order/status.js';

const BECAUSE: Readonly<Record<string, string>> = {
  protected: 'a stop rests for all that is held',
  killed: 'a halt latch stands: stops and exits are the kill’s',
  short: 'less is there than the position says, and none of it is free: nothing that a stop could sell',
  dust: 'less is held than the venue takes: unprotected, and pooled with what comes',
  contradicted: 'its row is not what its fills add up to: what rests stays, and nothing is placed, until a person has mended it',
  entryWorking: 'an entry works',
  adoptedWorks: 'all of it is on offer by a sale that a person had taken over',
  triggered: 'the stop has woken and sells',
  refused: 'the venue refused; it is asked again in a moment',
  halted: 'the instrument is not trading',
};

/** What a position's page shows: what is held, its working orders, and what happens next. */
export function describeProtection(key: PositionKey, view: ProtectionView, step: ProtectionStep): string {
  const held = view.risk.positions.find((one) => one.strategy === key.strategy && one.instrument === key.instrument);
  const contradicted = isContradicted(key, view);
  const uncovered = contradicted ? ZERO : uncoveredOf(key, view);
  const next = step.kind === 'rest' ? (BECAUSE[step.because] ?? step.because) : step.kind;
  const lines = [
    ...(contradicted ? [`- its fills add up to **${text(decimal(view.filled ?? '0'))}**`] : []),
    ...(uncovered.isZero()
      ? []
      : [
          `- **${text(uncovered)}** of it is not there, is another order’s, or is more than the venue takes in one order: no stop can be for it`,
        ]),
    ...view.working.map((order) => `- ${lineOf(order)}`),
  ];
  const head = `**holds ${held?.quantity ?? '0'}** ${key.instrument} (${key.strategy}): ${next}`;
  // Temporal's pages know a list by the empty line before it.
  return lines.length === 0 ? head : `${head}\n\n${lines.join('\n')}`;
}
