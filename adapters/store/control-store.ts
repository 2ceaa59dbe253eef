import type { Pool } from 'pg';
import type { ControlStore } from '../../activities/ports/store.js';
import { KeelsonError } from '../../core/errors.js';
import { planConfiguration } from '../../core/risk/configured-limits.js';
import { effectiveLimits, isOverrideWithin, type LimitRow } from '../../core/risk/limit-rows.js';
import type { LimitOverride } from '../../core/risk/overrides.js';
import { PROTOCOL, type ConfiguredLimits } from '../../core/risk/limits.js';
import { isConflict, run } from './pool.js';

type Applied = Awaited<ReturnType<ControlStore['applyModeCommand']>>;
type As<Kind extends Applied['kind']> = { result: Kind } & Omit<Extract<Applied, { kind: Kind }>, 'kind'>;
type Answer = { [Kind in Applied['kind']]: As<Kind> }[Applied['kind']];

/** Mode, configuration and onboarding in Postgres. @throws KeelsonError INFRA_DATABASE from every method. */
export function createControlStore(pool: Pool): ControlStore {
  return {
    async epoch() {
      const rows = await run<{ instance_id: string; epoch: number }>(
        pool,
        { name: 'epoch', text: 'select instance_id, epoch from instance' },
        [],
      );
      const row = rows[0];
      if (row === undefined) throw new KeelsonError('INFRA_DATABASE', { detail: 'the instance row is missing' });
      return { instanceId: row.instance_id, epoch: row.epoch };
    },
    async checkIdentity() {
      const rows = await run<{ answer: 'recorded' | 'same' | 'changed' }>(
        pool,
        { name: 'check_instance_identity', text: 'select check_instance_identity() as answer' },
        [],
      );
      return rows[0]?.answer ?? 'changed';
    },
    async applyModeCommand(input) {
      const rows = await run<{ answer: Answer }>(
        pool,
        { name: 'apply_mode_command', text: 'select apply_mode_command($1::jsonb) as answer' },
        [JSON.stringify(input)],
      );
      const answer = rows[0]?.answer;
      if (answer?.result === 'notApproved') return { kind: 'notApproved', state: answer.state };
      if (answer?.result === 'moved') return { kind: 'moved', mode: answer.mode, version: answer.version };
      if (answer?.result === 'notReconciled') return { kind: 'notReconciled', found: answer.found };
      if (answer?.result === 'lossStands') return { kind: 'lossStands', found: answer.found };
      if (answer?.result === 'askKey') return { kind: 'askKey' };
      if (answer?.result === 'keyWithdraws') return { kind: 'keyWithdraws', venue: answer.venue };
      if (answer?.result !== 'applied') return { kind: 'noCommand' };
      const { mode, subject, reason, changedTime } = answer;
      return { kind: 'applied', mode, subject, reason, changedTime };
    },
    async applyConfiguration(configuration) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await applyOnce(pool, configuration);
        } catch (error) {
          // Somebody changed a limit, or another worker starts too: what is stricter is looked at anew.
          if (!isConflict(error) || attempt === PROTOCOL.compareAndSetAttempts) throw error;
        }
      }
    },
    async retireOthers(configured) {
      const rows = await run<{ answer: string[] }>(
        pool,
        { name: 'retire_accounts', text: 'select to_jsonb(retire_accounts($1)) as answer' },
        [configured],
      );
      return rows[0]?.answer ?? [];
    },
    async onboarded() {
      const text = 'select account from accounts where onboarded_at is not null order by account';
      return (await run<{ account: string }>(pool, { name: 'onboarded_accounts', text }, [])).map(({ account }) => account);
    },
    async onboard(account, inventory) {
      const rows = await run<{ answer: boolean }>(
        pool,
        { name: 'onboard_account', text: 'select onboard_account($1, $2::jsonb) as answer' },
        [account, JSON.stringify(inventory)],
      );
      return rows[0]?.answer === true;
    },
  };
}

type Configuration = Parameters<ControlStore['applyConfiguration']>[0];

async function applyOnce(pool: Pool, configuration: Configuration): ReturnType<ControlStore['applyConfiguration']> {
  const { account, venue, limits } = configuration;
  type Stands = { rows: LimitRow[]; configured: ConfiguredLimits | null; overrides: Pick<LimitOverride, 'overrideId' | 'key' | 'value'>[] };
  const stands = await run<{ answer: Stands | null }>(pool, { name: 'read_limit_state', text: 'select read_limit_state($1) as answer' }, [
    account,
  ]);
  const { rows, configured, overrides } = stands[0]?.answer ?? { rows: [], configured: null, overrides: [] };
  const { changes, kept } = planConfiguration(
    rows.filter((row) => row.scope === 'account'),
    configured ?? undefined,
    limits,
  );
  const after = [
    ...rows.filter((row) => row.scope !== 'account' || !changes.some(({ key }) => key === row.key)),
    ...changes.map((change) => ({ ...change, scope: 'account' as const, scopeValue: account, account })),
  ];
  // What lets more pass ends with it (`end_overrides_beyond`).
  const keptBy = ({ key, value }: (typeof changes)[number]): readonly string[] =>
    overrides.filter((one) => one.key === key && isOverrideWithin(key, 'account', value, one.value)).map(({ overrideId }) => overrideId);
  const isBounded = ({ strategy, instrument }: Configuration['strategies'][number]): boolean =>
    effectiveLimits(after, { account, venue, strategy, instrument }).missing.length === 0;
  const { strategies, activation = { start: undefined }, ...rest } = configuration;
  const activated = activation === 'none' ? {} : { strategies: strategies.filter(isBounded), start: activation.start };
  const written = await run<{ answer: boolean }>(
    pool,
    { name: 'apply_configuration', text: 'select apply_configuration($1::jsonb) as answer' },
    [JSON.stringify({ ...rest, ...activated, limitChanges: changes.map((change) => ({ ...change, keeps: keptBy(change) })) })],
  );
  return {
    hasChanged: written[0]?.answer === true,
    kept,
    withoutLimits: configuration.strategies.filter((one) => !isBounded(one)).map(({ strategy, instrument }) => ({ strategy, instrument })),
  };
}
