import { Growing } from './growing.js';

/** One thing that can happen. `isOurs`: a step of the system itself, or one that time or the network owes it. */
export interface Step<W> {
  readonly label: string;
  readonly next: W;
  readonly isOurs: boolean;
}

export interface Model<W> {
  readonly initial: W;
  steps(world: W): readonly Step<W>[];
  /** Equal for worlds that behave alike from here on. `before`: the world that it came from, or itself. */
  key(world: W, before: W): string;
  /** The name of what must never be, where the world shows it. */
  wrong(world: W): string | undefined;
  /** Whether everything has come to rest as it should. */
  isHome(world: W): boolean;
}

export interface Finding {
  readonly what: string;
  /** The shortest way there, a step a line. */
  readonly story: readonly string[];
}

export interface Exploration {
  readonly states: number;
  /** Steps of the longest of the shortest ways. */
  readonly depth: number;
  readonly transitions: number;
  /** False when the limit of states ended it: then nothing was shown about what lies behind. */
  readonly isComplete: boolean;
  readonly found?: Finding;
}

/** What a world is called from which the system's own steps lead to no rest. */
export const STRANDED = 'stranded';

/**
 * Visits every reachable world, breadth first, and ends with the first that is wrong, by a shortest way. When there is none,
 * it asks of each world whether the system's own steps can still bring it home; one that they cannot is a finding too.
 * @param mostStates where to give up.
 * @param wanted counts only this as wrong: a mutant is asked for the damage that its rule prevents.
 */
export function explore<W>(model: Model<W>, mostStates: number, wanted?: string): Exploration {
  const seen = new Map<string, number>([[model.key(model.initial, model.initial), 0]]);
  const parents = new Growing();
  const labels = new Names();
  const ways = new Growing();
  const homes = new Growing();
  const froms = new Growing();
  const tos = new Growing();
  parents.push(0);
  ways.push(labels.of('the start'));
  let frontier: { readonly world: W; readonly id: number }[] = [{ world: model.initial, id: 0 }];
  let depth = 0;
  let transitions = 0;

  const told = (id: number): string[] => {
    const story: string[] = [];
    for (let at = id; at !== 0; at = parents.at(at)) story.push(labels.name(ways.at(at)));
    return story.reverse();
  };
  const result = (isComplete: boolean, found?: Finding): Exploration => {
    return { states: seen.size, depth, transitions, isComplete, ...(found === undefined ? {} : { found }) };
  };

  for (;;) {
    const following: typeof frontier = [];
    for (const { world, id } of frontier) {
      if (model.isHome(world)) homes.push(id);
      for (const { label, next, isOurs } of model.steps(world)) {
        transitions += 1;
        const key = model.key(next, world);
        let known = seen.get(key);
        if (known === undefined) {
          known = seen.size;
          seen.set(key, known);
          parents.push(id);
          ways.push(labels.of(label));
          const what = model.wrong(next);
          if (what !== undefined && (wanted === undefined || what === wanted)) {
            depth += 1;
            return result(true, { what, story: told(known) });
          }
          following.push({ world: next, id: known });
        }
        if (isOurs && known !== id) {
          froms.push(id);
          tos.push(known);
        }
      }
      if (seen.size > mostStates) return result(false);
    }
    if (following.length === 0) break;
    frontier = following;
    depth += 1;
  }
  if (wanted !== undefined && wanted !== STRANDED) return result(true);
  const lost = firstStranded(seen.size, homes, froms, tos);
  return result(true, lost === undefined ? undefined : { what: STRANDED, story: told(lost) });
}

/** Walks the system's own steps backwards from every home; what is not met cannot come home. Ids grow with depth. */
function firstStranded(size: number, homes: Growing, froms: Growing, tos: Growing): number | undefined {
  const starts = new Int32Array(size + 1);
  for (let edge = 0; edge < tos.length; edge += 1) starts[tos.at(edge) + 1] = (starts[tos.at(edge) + 1] ?? 0) + 1;
  for (let id = 0; id < size; id += 1) starts[id + 1] = (starts[id + 1] ?? 0) + (starts[id] ?? 0);
  const sources = new Int32Array(tos.length);
  const filled = starts.slice();
  for (let edge = 0; edge < tos.length; edge += 1) {
    const place = filled[tos.at(edge)] ?? 0;
    sources[place] = froms.at(edge);
    filled[tos.at(edge)] = place + 1;
  }
  const isSafe = new Uint8Array(size);
  const open: number[] = [];
  const meet = (id: number): void => {
    if (isSafe[id] === 1) return;
    isSafe[id] = 1;
    open.push(id);
  };
  for (let index = 0; index < homes.length; index += 1) meet(homes.at(index));
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (let place = starts[id] ?? 0; place < (starts[id + 1] ?? 0); place += 1) meet(sources[place] ?? 0);
  }
  const lost = isSafe.indexOf(0);
  return lost < 0 ? undefined : lost;
}

/** Labels repeat: each is kept once. */
class Names {
  private readonly ids = new Map<string, number>();
  private readonly names: string[] = [];

  of(name: string): number {
    const known = this.ids.get(name);
    if (known !== undefined) return known;
    this.ids.set(name, this.names.length);
    return this.names.push(name) - 1;
  }

  name(id: number): string {
    return this.names[id] ?? '';
  }
}
