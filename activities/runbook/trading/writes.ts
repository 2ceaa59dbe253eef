import { KeelsonError } from '../../../core/errors.js';
import type { Progress } from '../../order/resolve.js';
import type { HoldChange, Left, TradingStateStore } from '../../ports/trading-state.js';
import { ENTRIES_STEP, type TradingReads, type TradingWrites } from './parts.js';

export interface TradingWriteParts extends Pick<TradingReads, 'clock' | 'pause' | 'isReconciled'> {
  readonly state: TradingStateStore;
  /** Wishes the cancel of an order and takes it one look-up further (P17). */
  readonly withdraw: (intentId: string, because: string) => Promise<Progress>;
  readonly log: { warn(data: object, message: string): void };
}

const AGAIN_MS = 500;
const RELEASE_TRIES = 3;
const BETWEEN_TRIES_MS = 3_000;

/** What start-up and shutdown change. What was done before is found done. */
export function tradingWrites(parts: TradingWriteParts): TradingWrites {
  const { state, isReconciled } = parts;
  const unlessOthers = async (account: string, runId: string, change: HoldChange, reason: string): Promise<void> => {
    if ((await state.standing(account, runId)).isOurs) await state.change(account, runId, change, reason);
  };
  return {
    holdMode: (account, runId, mode) =>
      state.change(
        account,
        runId,
        { what: 'hold', mode },
        mode === 'paused' ? 'the account is shut down' : 'it is checked before it trades',
      ),
    easeMode: (account, runId, mode) => unlessOthers(account, runId, { what: 'ease', mode }, 'venue and ledger agree: it is observed'),
    releaseMode: async (account, runId, over) => {
      if (!(await state.standing(account, runId)).isOurs) return;
      // The steps before may have taken hours. One comparison may be put off, or see a fill on its way. Where none is clean, the statement refuses,
      // and says what was found.
      for (let tries = 1; !(await isReconciled(account, 'demand')) && tries < RELEASE_TRIES; tries += 1)
        await parts.pause(BETWEEN_TRIES_MS);
      over?.throwIfAborted();
      await unlessOthers(account, runId, { what: 'release' }, 'its checks are over');
    },
    undoMode: (account, runId) => unlessOthers(account, runId, { what: 'undo' }, 'the run was aborted'),
    settleEntries: createSettleEntries(parts),
  };
}

const isWorking = ({ purpose }: Left['working'][number]): boolean => purpose !== 'stop';

/**
 * Exits end by themselves, within what their owners give them. Whoever looks after an entry sees its cancel by the same look-ups as
 * ever; one that cannot be canceled now is tried again, until the step is over.
 */
function createSettleEntries({ state, withdraw, clock, pause, log }: TradingWriteParts): TradingWrites['settleEntries'] {
  return async (account, runId, how, waitAtMostMs, over) => {
    // Whoever goes on with it after a process died has to wait only for what is left.
    const leftMs = how === 'cancel' ? 0 : waitAtMostMs - (await state.begunMsAgo(runId, ENTRIES_STEP));
    const cancelFrom = clock() + leftMs;
    for (;;) {
      const working = (await state.left(account)).working.filter(isWorking);
      const { halt, isAborted, mode, told } = await state.standing(account, runId);
      over?.throwIfAborted();
      // Under a halt they are the kill's.
      if (working.length === 0 || isAborted || halt !== null) return;
      // Who has let it go on wants its entries; whether the run is to go on, too, a person decides.
      if (mode !== 'paused') {
        const found = `it is not paused any more (${told}), and its entries stay. Abort the run, or pause the account and have the step tried again`;
        throw new KeelsonError('RISK_MODE_NOT_OURS', { account, found });
      }
      if (clock() >= cancelFrom) {
        for (const { intentId } of working.filter(({ purpose }) => purpose === 'entry')) {
          over?.throwIfAborted();
          await withdraw(intentId, 'shutdown').catch((error: unknown) =>
            log.warn(
              { account, intentId, error: error instanceof Error ? error.message : String(error) },
              'an entry could not be canceled',
            ),
          );
        }
      }
      await pause(AGAIN_MS);
    }
  };
}
