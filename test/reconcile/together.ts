import type { BenchAccount } from './bench-account.js';
import { CASES, type Case } from './cases.js';

/** Damages that may be done to one account at the same time: so many of each group, the position's first. */
const GROUPS: readonly { readonly most: number; readonly names: readonly string[] }[] = [
  {
    most: 1,
    names: [
      ...['a position that nobody owns', 'a position without its stop', 'a stop for too little', 'two stops'],
      ...['a fill that nobody booked', 'a fill that is booked twice', 'a fee that the venue tells otherwise'],
    ],
  },
  {
    most: 2,
    names: ['an order by another hand', 'a purchase by another hand', 'a purchase by another hand that is booked'],
  },
  { most: 1, names: ['a deposit', 'units that are gone'] },
  { most: 1, names: ['a workflow for which nothing is left to do'] },
];

/** Two or three damages by chance, in the order in which they are made. */
export function together(random: () => number): readonly string[] {
  const pick = (limit: number): number => Math.floor(random() * limit);
  const wanted = 2 + pick(2);
  const left = GROUPS.map(({ most, names }) => ({ most, names: [...names] }));
  const taken = new Set<string>();
  while (taken.size < wanted) {
    const group = left[pick(left.length)];
    if (group === undefined || group.most === 0) continue;
    group.most -= 1;
    taken.add(group.names.splice(pick(group.names.length), 1)[0] ?? '');
  }
  return GROUPS.flatMap(({ names }) => names).filter((name) => taken.has(name));
}

interface Row {
  readonly id: string;
  readonly class: string;
  readonly seenAs: string;
  readonly status: string;
  readonly rests: boolean;
  readonly isPersons: boolean;
}

/**
 * Makes these damages, and looks whether what comes of them is what comes of each alone: found, classed, repaired or a person's, the
 * account paused once and carried by one run, and all of it over when a person says so.
 * @returns what is wrong
 */
export async function judgeTogether(bench: BenchAccount, names: readonly string[], random: () => number): Promise<readonly string[]> {
  const wrong: string[] = [];
  const check = (what: string, found: unknown, wanted: unknown): void => {
    const [is, should] = [JSON.stringify(found), JSON.stringify(wanted)];
    if (is !== should) wrong.push(`${what}: ${is}, and not ${should}`);
  };
  const cases = names.map((name) => CASES[name]).filter((one) => one !== undefined);
  const [repaired, persons] = [cases.filter(({ ends }) => ends === 'repaired'), cases.filter(({ ends }) => ends !== 'repaired')];
  check('before', (await bench.cycle()).result, 'clean');
  for (const one of cases) await one.make(bench, random);
  await bench.cycle();
  const looked = await bench.cycle();
  check('found', looked.result, persons.length > 0 ? 'differences' : 'clean');
  const rows = await rowsOf(bench);
  const open = rows.filter(({ status }) => status === 'open');
  check('open', classes(open), persons.map((one) => one.class).toSorted());
  for (const one of repaired) {
    const has = rows.some(({ seenAs, status, isPersons }) => seenAs === one.class && status === 'repaired' && !isPersons);
    check(`${one.class} repaired`, has, true);
  }
  const known = new Set([...cases.map((one) => one.class), ...cases.flatMap(({ followedBy = [] }) => followedBy), 'timing']);
  check(
    'of other classes',
    classes(rows).filter((one) => !known.has(one)),
    [],
  );
  check('mode', await bench.mode(), persons.length > 0 ? 'paused' : 'normal');
  check('runs that carry it', await count(bench, 'runbook_runs where true'), persons.length > 0 ? 1 : 0);
  if (persons.length === 0) return wrong;

  check('resumed before', (await bench.resume()).result, 'notReconciled');
  const undecided = [...persons];
  for (const row of open) {
    const at = undecided.findIndex(
      (one) => one.class === row.class && (one.class !== 'orphanOrder' || (one.ends === 'cancel') === row.rests),
    );
    const [one] = undecided.splice(at, at < 0 ? 0 : 1);
    if (one !== undefined) check(`${one.class} ${one.ends}`, await bench.decide(row.id, one.ends, one.decideWith), { result: 'done' });
  }
  let result = (await bench.cycle()).result;
  if (result !== 'clean') ({ result } = await bench.cycle());
  check('decided', result, 'clean');
  check('resumed', (await bench.resume()).result, 'applied');
  check('after', (await bench.cycle()).result, 'clean');
  check('incidents left', await count(bench, `incidents where kind = 'reconciliation' and closed_at is null`), 0);
  return wrong;
}

const classes = (rows: readonly Row[]): readonly string[] => rows.map((row) => row.class).toSorted();
export const classOf = (name: string): Case['class'] => CASES[name]?.class ?? name;

async function rowsOf({ stack }: BenchAccount): Promise<readonly Row[]> {
  const { rows } = await stack.pool.query<Row>(
    `select difference_id::text as id, class, seen_as as "seenAs", status, incident_id is not null as "isPersons",
       jsonb_typeof(evidence->'venue'->'order') = 'object' as rests from reconciliation_differences order by difference_id`,
  );
  return rows;
}

async function count({ stack }: BenchAccount, what: string): Promise<number> {
  const { rows } = await stack.pool.query<{ count: string }>(`select count(*) from ${what}`);
  return Number(rows[0]?.count);
}
