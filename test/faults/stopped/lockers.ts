/** What a halt waits for: it locks the instance's row, and the control row of every account under it, before it writes its latch. */
const LOCKS =
  /\b(?:update|insert into|delete from)\s+(?:control|instance)\b|\b(?:from|join)\s+(?:control|instance)\b[^;]*?\bfor\s+(?:no\s+key\s+)?(?:update|share|key\s+share)\b|\block\s+table[^;]*\b(?:control|instance)\b/i;
const FUNCTION = /\bcreate\s+(?:or\s+replace\s+)?function\s+(\w+)\s*\([\s\S]*?\$\$([\s\S]*?)\$\$/gi;
/** What was one function is the part of another: the text of before goes by the new name. */
const RENAME = /\balter\s+function\s+(\w+)\s*\([^)]*\)\s*rename\s+to\s+(\w+)/gi;
const TRIGGER = /\bcreate\s+trigger\s+\w+\s+(?:before|after)\s+([\s\S]*?)\bon\s+(\w+)[\s\S]*?\bexecute\s+function\s+(\w+)/gi;
/** Comments say what is not done, too. */
const withoutComments = (sql: string): string => sql.replaceAll(/--.*$/gm, '');

/** Whether a function writes what sets off a trigger; of one that is for some columns only, one of those. */
function setOffBy(events: string, table: string): (body: string) => boolean {
  const writes = events.split(/\bor\b/i).map((event) => {
    const [what = '', columns] = event.trim().split(/\s+of\s+/i);
    const write = what.toLowerCase() === 'update' ? 'update' : `${what}\\s+(?:into|from)`;
    const names = columns?.split(',').map((column) => column.trim());
    return {
      write: new RegExp(String.raw`\b${write}\s+${table}\b`, 'i'),
      column: new RegExp(String.raw`\b(?:${names?.join('|') ?? ''})\s*=`),
      isOfAll: names === undefined,
    };
  });
  return (body) => writes.some(({ write, column, isOfAll }) => write.test(body) && (isOfAll || column.test(body)));
}

/**
 * The functions of the database that hold up a halt while they are not over: they lock a row that it needs, or call one that does, or write
 * to a table whose trigger does.
 * @param migrations their texts, in order: the newest definition counts
 */
export function lockersOf(migrations: readonly string[]): ReadonlySet<string> {
  const bodies = new Map<string, string>();
  const triggers: { readonly isSetOffBy: (body: string) => boolean; readonly name: string }[] = [];
  for (const sql of migrations.map(withoutComments)) {
    const inOrder = [...sql.matchAll(FUNCTION), ...sql.matchAll(RENAME)].toSorted((one, other) => one.index - other.index);
    for (const [text, name = '', what = ''] of inOrder) {
      const isRenamed = /^alter/i.test(text);
      bodies.set(isRenamed ? what : name, isRenamed ? (bodies.get(name) ?? '') : what);
      if (isRenamed) bodies.delete(name);
    }
    for (const [, events = '', table = '', name = ''] of sql.matchAll(TRIGGER))
      triggers.push({ isSetOffBy: setOffBy(events, table), name });
  }
  const lockers = new Set([...bodies].filter(([, body]) => LOCKS.test(body)).map(([name]) => name));
  const leadsTo = (body: string, locker: string): boolean =>
    new RegExp(String.raw`\b${locker}\s*\(`).test(body) || triggers.some(({ isSetOffBy, name }) => name === locker && isSetOffBy(body));
  let before: number;
  do {
    before = lockers.size;
    for (const [name, body] of bodies) if ([...lockers].some((locker) => leadsTo(body, locker))) lockers.add(name);
  } while (lockers.size > before);
  return lockers;
}

/** Those of them that a program of ours names, whether it calls them so or puts their call together. */
export function namedIn(lockers: ReadonlySet<string>, programs: readonly string[]): readonly string[] {
  const text = programs.join('\n');
  return [...lockers].filter((name) => new RegExp(String.raw`['\x60 ]${name}(?:['\x60]|\()`).test(text)).toSorted();
}
