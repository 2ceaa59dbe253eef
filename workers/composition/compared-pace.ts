import { expectedWeight } from '../../activities/reconcile/counted.js';
import { comparedEachMinutes, type ComparedPace } from '../../core/reconcile/pace.js';
import { fits, plannedAMinute, type Planned } from '../../core/venue/planned.js';
import type { LocalProcess } from './process.js';
import { countedTogether, instrumentsOf, profileOf } from './venues.js';

type Configured = Pick<LocalProcess, 'config' | 'env'>;

/** A trading worker and two guardians. */
const PROCESSES = 3;

/** How often an account is compared by the minute: where a venue counts several together, they share what comparisons may take. */
export function comparedPace(process: Configured, account: string): ComparedPace {
  const profile = profileOf(process.config, account);
  if (profile.countedBy === 'account') return { eachMinutes: 1, place: 0 };
  const together = countedTogether(process, account);
  const eachMinutes = comparedEachMinutes(profile.rateBudget.weight, weightsOf(process, together));
  return { eachMinutes, place: together.indexOf(account) };
}

function weightsOf({ config }: Configured, accounts: readonly string[]): readonly number[] {
  return accounts.map((account) => expectedWeight(profileOf(config, account), instrumentsOf(config, account).length));
}

/** Says at a start of which accounts the venue counts more together than it allows guardians in a minute. */
export function sayTooMany(process: Configured & Pick<LocalProcess, 'log'>): void {
  for (const { accounts, planned } of tooMany(process)) process.log.warn({ accounts, ...planned }, TOO_MANY);
}

const TOO_MANY =
  'while orders rest at all of these accounts, more may be asked for in a minute than their address has beside a halt: late in each minute what rests is not looked up, nothing is compared and nothing entered. Let some of them trade from another address';

/** The accounts whose venue counts them together and does not allow all that may be asked for them in a minute. */
export function tooMany(process: Configured): readonly { readonly accounts: readonly string[]; readonly planned: Planned }[] {
  const counted = Object.keys(process.config.accounts).filter((account) => profileOf(process.config, account).countedBy === 'address');
  return counted.flatMap((account) => {
    const accounts = countedTogether(process, account);
    if (accounts[0] !== account) return [];
    const planned = plannedAMinute(profileOf(process.config, account), weightsOf(process, accounts), PROCESSES);
    return fits(planned) ? [] : [{ accounts, planned }];
  });
}
