import { describe, expect, it } from 'vitest';
import { isCode, isTest, readTree } from '../../tidy/tree.js';
import { lockersOf, namedIn } from './lockers.js';
import { NOT_STOPPED, STOPPED } from './statements.js';

const PROGRAMS = /^(?:adapters|api|cli|db|launcher|workers|activities)\//;

describe('P9: what holds up a halt while it is not over', () => {
  it('is stopped in the middle, each statement of ours', () => {
    const files = readTree();
    const migrations = files.filter(({ path }) => path.startsWith('db/migrations/')).map(({ text }) => text);
    const programs = files.filter(({ path }) => PROGRAMS.test(path) && isCode(path) && !isTest(path)).map(({ text }) => text);
    expect(migrations.length).toBeGreaterThan(50);
    const whatToDo = 'what is new here needs a case in cases.ts, and its name in statements.ts';
    expect(namedIn(lockersOf(migrations), programs), whatToDo).toEqual([...STOPPED, ...Object.keys(NOT_STOPPED)].toSorted());
  });

  it('is found by what it locks, by what it calls, and by what a trigger does for it, in its newest form', () => {
    const first = `
      create function touch(a text) returns void language plpgsql as $$ begin
        perform from control where account = a for share; end $$;
      create function calls_it() returns void language plpgsql as $$ begin perform touch('x'); end $$;
      create function no_more() returns void language plpgsql as $$ begin update control set mode = 'x'; end $$;
      create function follow() returns trigger language plpgsql as $$ begin perform touch('x'); return new; end $$;
      create trigger followed after insert on notes for each row execute function follow();
      create trigger changed after update of note, at on notes for each row when (true) execute function follow();
      create function changes_notes() returns void language sql as $$ update notes set note = 1 $$;
      create function changes_others() returns void language sql as $$ update notes set told = 1 $$;
      create function writes_notes() returns void language sql as $$ insert into notes values (1) $$;
      create function reads() returns int language sql as $$ select 1 from control -- for update
      $$;`;
    const later = `create or replace function no_more() returns void language plpgsql as $$ begin perform 1; end $$;`;
    const lockers = lockersOf([first, later]);
    expect([...lockers].toSorted()).toEqual(['calls_it', 'changes_notes', 'follow', 'touch', 'writes_notes']);
    const wrapped = `alter function calls_it() rename to called; create function calls_it() returns void language sql as $$ select called() $$;
      create function calls() returns void language sql as $$ select calls_it() $$;`;
    expect([...lockersOf([first, later, wrapped])]).toEqual(expect.arrayContaining(['called', 'calls_it', 'calls']));
    expect(namedIn(lockers, [`call('calls_it')`, 'text: `select writes_notes($1)`', 'touching'])).toEqual(['calls_it', 'writes_notes']);
  });
});
