import type { Command } from 'commander';
import type { Halt } from '../../api/read/halts.js';
import { addApiCommand, answers, COMPARED_LIMIT_MS, connect, type ApiOptions, type Finish } from '../command.js';
import { CommandFailure, EXIT } from '../exit.js';
import { keptAfterHalt } from '../kept.js';
import { harmless, timeText, type Terminal } from '../terminal.js';

interface RearmOptions extends ApiOptions {
  readonly reason: string;
  readonly request?: string;
  readonly incident: readonly string[];
}

/** `keelson halts` and `keelson rearm`. */
export function addHalts(program: Command, terminal: Terminal, finish: Finish): void {
  const halts = addApiCommand(program, 'halts', 'halts that stand, and exactly what is not verified yet', 'read');
  answers(halts, terminal, finish, async (options: ApiOptions) => {
    const data = await connect(terminal, options).get<{ halts: Halt[] }>('/v1/halts');
    return { data, text: data.halts.length === 0 ? 'No halt stands.\n' : data.halts.map(haltText).join('\n') };
  });

  const rearm = addApiCommand(program, 'rearm', 'ask to end a halt; another person approves it, and every account must be clean', 'rearm')
    .argument('[halt]', 'its id, of keelson halts; may be left out where only one stands')
    .requiredOption('--reason <text>', 'why it is safe to go on')
    .option(
      '--incident <id>',
      'an open incident that is known and may stay open; may be repeated',
      (id: string, all: string[]) => [...all, id],
      [],
    )
    .option('--request <uuid>', 'an approved request of before: try again to end its halt');
  answers(rearm, terminal, finish, async ({ reason, request, incident, ...options }: RearmOptions, halt: string | undefined) => {
    const api = connect(terminal, options, COMPARED_LIMIT_MS);
    const latchId = request === undefined ? (halt ?? (await onlyHalt(api))) : halt;
    const body = { reason, incidents: incident, ...(latchId === undefined ? {} : { latchId }), requestId: request ?? terminal.newId() };
    const data = await api.post<{ status: string }>('/v1/rearm', body);
    return { data, text: `Re-armed: the halt has ended.\n${await keptAfterHalt(api)}` };
  });
}

async function onlyHalt(api: ReturnType<typeof connect>): Promise<string> {
  const { halts } = await api.get<{ halts: Halt[] }>('/v1/halts');
  const [one, ...others] = halts;
  if (one === undefined) throw new CommandFailure(EXIT.refused, 'No halt stands.');
  if (others.length === 0) return one.latchId;
  throw new CommandFailure(
    EXIT.usage,
    `Say which halt: ${halts.map(({ latchId, scope, scopeValue }) => `${latchId} (${scope} ${scopeValue})`).join(', ')}.`,
  );
}

function haltText({ latchId, scope, scopeValue, account, policy, reason, subject, engagedAt, accounts }: Halt): string {
  const what = harmless([scope, scopeValue, account === null ? '' : `in ${account}`].filter((part) => part !== '').join(' '));
  const held = policy === 'atOnce' ? 'what is held is sold' : 'what is held stays with its stops';
  const isPart = scope === 'strategy' || scope === 'instrument';
  return [
    `${what}, by ${harmless(subject)} at ${timeText(engagedAt)} UTC: ${harmless(reason)}`,
    `  ${latchId}, ${held}`,
    ...(accounts.length === 0
      ? [`  nothing is halted: ${isPart ? 'no account trades or holds anything of it' : 'no account is under it'}`]
      : []),
    ...accounts.flatMap(({ account: name, phase, verifiedAt, unverified, dust, evidence }) => [
      `  ${harmless(name)}: ${phase}${phase === 'verified' && verifiedAt !== null ? ` at ${timeText(verifiedAt)} UTC` : ''}`,
      ...unverified.map((one) => `    not verified: ${harmless(one)}`),
      ...dust.map((one) => `    dust: ${harmless(`${one.quantity} ${one.instrument} (${one.strategy})`)}`),
      ...(evidence === null ? [] : [`    evidence: ${harmless(evidence.path)}, sha256 ${evidence.sha256}`]),
    ]),
    '',
  ].join('\n');
}
