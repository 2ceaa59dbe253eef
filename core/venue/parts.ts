/** What the watch of an account needs, as a part of what all that the venue counts together may use; more than all of it is possible. */
export interface Need {
  /** Before any other has more than its `least`. */
  readonly least: number;
  readonly wished: number;
}

/** Nobody knows: as much as there is for each. */
const UNKNOWN: Need = { least: 1, wished: 1 };

/** A sample is made each second; who has told nothing for so long is not known any more. */
const KNOWN_FOR_MS = 20_000;
/** Who needs less gives back after this: one whose need comes and goes would else use its own part and lend it out in the same minute. */
const KEPT_FOR_MS = 60_000;

/**
 * What each has of one whole. In a first round each has what it needs at least, in a second what it wishes, and what nobody wants is divided evenly. Where a round has
 * too little for all, whoever wants less than an even part has that, and the others divide the rest evenly. So, whatever each says of itself: together they
 * have the whole and no more, and each has its least, or as much as if heads were counted. Pure.
 */
export function partsOf(needs: readonly Need[]): readonly number[] {
  const least = filled(
    1,
    needs.map((need) => need.least),
  );
  const more = filled(
    1 - sum(least),
    needs.map((need) => Math.max(0, need.wished - need.least)),
  );
  const even = Math.max(0, 1 - sum(least) - sum(more)) / needs.length;
  return needs.map((_, index) => (least[index] ?? 0) + (more[index] ?? 0) + even);
}

function filled(whole: number, wants: readonly number[]): readonly number[] {
  const given = wants.map(() => 0);
  let left = Math.max(0, whole);
  const byWant = wants.map((want, index) => ({ want, index })).toSorted((one, other) => one.want - other.want);
  for (const [before, { want, index }] of byWant.entries()) {
    const part = Math.min(want, left / (wants.length - before));
    given[index] = part;
    left -= part;
  }
  return given;
}

const sum = (parts: readonly number[]): number => parts.reduce((all, part) => all + part, 0);

interface Told {
  /** Undefined: nothing was told yet. */
  readonly need: Need | undefined;
  /** When it was that much. */
  readonly neededTime: number;
  readonly toldTime: number;
}

/** What the accounts have told that they need. */
export class Needs {
  private readonly told = new Map<string, Told>();

  tell(account: string, need: Need, now: number): void {
    const had = this.told.get(account);
    const before = had?.need ?? need;
    const isLess = need.least < before.least || need.wished < before.wished;
    // A clock that was set back keeps nothing.
    const isKept = had !== undefined && isLess && now >= had.neededTime && now - had.neededTime < KEPT_FOR_MS;
    const most = isKept ? { least: Math.max(need.least, before.least), wished: Math.max(need.wished, before.wished) } : need;
    this.told.set(account, { need: most, neededTime: isKept ? had.neededTime : now, toldTime: now });
  }

  /**
   * The part of an account among those that the venue counts together with it, itself included. Whoever asks is at work from then on; what nobody has asked or told of
   * is not, as an account whose connection is not open, and has none.
   */
  partOf(account: string, together: readonly string[], now: number): number {
    if (!this.told.has(account)) this.told.set(account, { need: undefined, neededTime: now, toldTime: now });
    const atWork = together.filter((one) => this.told.has(one));
    return partsOf(atWork.map((one) => this.needOf(one, now)))[atWork.indexOf(account)] ?? 1;
  }

  private needOf(account: string, now: number): Need {
    const told = this.told.get(account);
    return told?.need === undefined || Math.abs(now - told.toldTime) > KNOWN_FOR_MS ? UNKNOWN : told.need;
  }
}
