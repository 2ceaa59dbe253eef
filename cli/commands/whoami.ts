import type { Command } from 'commander';
import { addApiCommand, answers, connect, type ApiOptions, type Finish } from '../command.js';
import { harmless, type Terminal } from '../terminal.js';

/** `keelson whoami`: the person whose key is used. */
export function addWhoami(program: Command, terminal: Terminal, finish: Finish): void {
  const command = addApiCommand(program, 'whoami', 'the person whose key is used, and the roles', 'read');
  answers(command, terminal, finish, async (options: ApiOptions) => {
    const data = await connect(terminal, options).get<{ person: string; name: string; roles: string[] }>('/v1/people/me');
    return { data, text: `${harmless(`${data.person} (${data.name}): ${data.roles.join(', ')}`)}\n` };
  });
}
