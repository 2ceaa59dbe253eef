import { decimal, isDecimalText } from '../../core/money/index.js';
import type { Addresses } from '../home/run-file.js';
import type { LauncherEvent, OrderEvent, ReadyEvent, SignalEvent, StepEvent } from './events.js';
import { explainMode } from './modes.js';
import type { Paint } from './paint.js';

/** The lines of an event, without line ends. Times are shown as local wall-clock time. */
export function textLines(event: LauncherEvent, paint: Paint): readonly string[] {
  if (event.event === 'step') return [stepLine(event, paint)];
  if (event.event === 'ready') return readyScreen(event, paint);
  if (event.event === 'running') return runningLines(event.home, event.pid, event.addresses, paint);
  if (event.event === 'stopped') {
    return [`${paint.strong('Keelson has stopped')} (${event.reason}) after ${seconds(event.elapsedMs)}.`];
  }
  if (event.event === 'error') return [`${paint.bad('✗')} ${paint.strong(event.code)}  ${event.message}`];
  return [`${paint.dim(clock(event.time))}  ${happened(event, paint)}`];
}

type Happening = Extract<LauncherEvent, { event: 'signal' | 'order' | 'fill' | 'equity' | 'mode' | 'notice' | 'restart' }>;

function happened(event: Happening, paint: Paint): string {
  switch (event.event) {
    case 'signal':
      return `signal  ${signalText(event, paint)}`;
    case 'order':
      return `order   ${orderText(event, paint)}`;
    case 'fill': {
      const fee = event.fee === undefined ? '' : paint.dim(`, fee ${event.fee} ${event.feeAsset ?? ''}`.trimEnd());
      const side = event.side === 'buy' ? 'bought' : 'sold';
      return `${paint.good('fill')}    ${side} ${event.quantity} ${event.instrument} at ${event.price}${fee}`;
    }
    case 'equity': {
      const change =
        event.change === undefined ? '' : ` (${signed(cents(event.change), paint)} since the start, with what was paid in and out)`;
      return `equity  ${paint.strong(cents(event.equity))} ${event.quote ?? ''}`.trimEnd() + `${change}${paint.dim(`  ${event.account}`)}`;
    }
    case 'mode': {
      const from = event.from === undefined ? '' : `${event.from} → `;
      const by = event.by === undefined ? '' : ` by ${event.by}`;
      const why = event.reason === undefined || event.reason === '' ? '' : `: ${event.reason}`;
      const name = event.mode === 'normal' ? paint.good(event.mode) : paint.warn(event.mode);
      return `mode    ${event.account} ${from}${name}${by}${why} ${paint.dim(`(${explainMode(event.mode)})`)}`;
    }
    case 'notice':
      return `${paint.warn('notice')}  ${event.message}`;
    case 'restart': {
      const wait = event.afterMs < 1000 ? `${Math.round(event.afterMs)} ms` : seconds(event.afterMs);
      return `${paint.warn('restart')} ${event.child} ended (${event.reason}); started again in ${wait}, restart ${event.count}`;
    }
  }
}

function signalText(event: SignalEvent, paint: Paint): string {
  const score =
    event.score === undefined
      ? ''
      : paint.dim(`  score ${short(event.score)}${event.threshold === undefined ? '' : ` / ${short(event.threshold)}`}`);
  const what = `${event.leg} ${event.instrument} ${paint.dim(event.strategy)}`;
  if (event.traded) return `${what}  ${paint.good('traded')}${score}${paint.dim(reasonsText(event.reasons))}`;
  return `${what}  ${paint.warn('not traded')}${score}${reasonsText(event.reasons)}`;
}

const BAD_STATUS = new Set(['denied', 'rejected', 'unknown', 'notPlaced', 'expired']);

function orderText(event: OrderEvent, paint: Paint): string {
  const status = BAD_STATUS.has(event.status) ? paint.warn(event.status) : event.status;
  const what = [event.side, event.quantity, event.instrument].filter((part) => part !== undefined).join(' ');
  const price = event.price === undefined ? '' : ` at ${event.price}`;
  const purpose = event.purpose === undefined ? '' : `${event.purpose}: `;
  return `${status} ${purpose}${what}${price}${reasonsText(event.reasons)}${paint.dim(`  ${event.clientOrderId}`)}`;
}

/** One line for a step; on a terminal it is written over itself until the step is over. */
export function stepLine(event: StepEvent, paint: Paint): string {
  const time = event.elapsedMs < 50 ? '' : ` (${seconds(event.elapsedMs)})`;
  if (event.state === 'done') return `${paint.good('✓')} ${event.message}${time}`;
  if (event.state === 'failed') return `${paint.bad('✗')} ${event.message}${time}`;
  return `  ${event.message} …${time}`;
}

function readyScreen(event: ReadyEvent, paint: Paint): readonly string[] {
  const modes = Object.entries(event.modes).map(([account, mode]) => `${account}: ${mode} ${paint.dim(`(${explainMode(mode)})`)}`);
  const halts = event.halts.map(({ account, what, by, reason, isSold }) => {
    const held = paint.dim(`(what is held ${isSold ? 'is sold' : 'stays with its stops'})`);
    return `${account}: ${paint.bad(`${what} halted`)} by ${by}: ${reason} ${held}`;
  });
  const how =
    halts.length === 0
      ? []
      : [paint.dim('`npx keelson halts` tells how far it is, `npx keelson rearm` asks to end it: that takes two people.')];
  const instruments = event.instruments.map(({ instrument, source }) => `${instrument} ${paint.dim(`(${source})`)}`);
  const people = event.people.map(({ person, roles }) => `${person} ${paint.dim(`(${roles.join(', ')})`)}`);
  const [me, ...others] = event.people;
  // What takes two people shows best where a risk officer begins it, and another asks for its end.
  const acts = others.map(
    ({ person, roles }) => `\`npx keelson ${roles.includes('risk') ? 'pause' : 'resume'} --as ${person}\` acts as ${person}`,
  );
  return [
    '',
    `${paint.good('Keelson is running')} ${paint.dim(`(ready after ${seconds(event.elapsedMs)})`)}`,
    '',
    ...addressLines(event.addresses, paint),
    ...labelled('mode', modes, paint),
    ...labelled('halted', [...halts, ...how], paint),
    ...labelled('instruments', [instruments.join(', ')], paint),
    ...labelled('people', [people.join(', ')], paint),
    ...labelled('home', [event.home], paint),
    '',
    ...(acts.length === 0 ? [] : [paint.dim(`${acts.join(', ')}; without --as you are ${me?.person}.`)]),
    paint.dim('Ctrl-C stops in order, a second one at once. `npx keelson status` asks from another terminal.'),
    '',
  ];
}

function addressLines(addresses: Addresses, paint: Paint): readonly string[] {
  const metrics = Object.entries(addresses.metrics).map(([name, url]) => `${url} ${paint.dim(name)}`);
  return [
    ...labelled('API', [addresses.api], paint),
    ...labelled('Temporal UI', addresses.temporalUi === undefined ? [] : [addresses.temporalUi], paint),
    ...labelled('Temporal', [addresses.temporal], paint),
    ...labelled('paper venue', addresses.venue === undefined ? [] : [addresses.venue.rest, byHand(addresses.venue.admin, paint)], paint),
    ...labelled('metrics', metrics, paint),
  ];
}

const byHand = (url: string, paint: Paint): string =>
  `${url} ${paint.dim('to try things by hand: deposits, trades of others, faults (docs/reference/paper-venue.md)')}`;

const labelled = (label: string, values: readonly string[], paint: Paint): readonly string[] =>
  values.map((value, index) => `  ${paint.strong((index === 0 ? label : '').padEnd(13))} ${value}`);

function runningLines(home: string, pid: number, addresses: Addresses | undefined, paint: Paint): readonly string[] {
  const heading = `Keelson already runs from ${home} (process ${pid}).`;
  if (addresses === undefined) return [heading, 'It is still starting, or stopping.'];
  return [heading, ...addressLines(addresses, paint)];
}

/** Each reason is a sentence or a few words: between two of them there must be more than a space. */
const reasonsText = (reasons: readonly string[]): string => (reasons.length === 0 ? '' : `  ${reasons.join(' · ')}`);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
const short = (decimal: string): string => (/^-?\d+\.\d{4,}$/.test(decimal) ? decimal.slice(0, decimal.indexOf('.') + 4) : decimal);
/** Equity to two places: the exact one is with `--json` and in the ledger. */
const cents = (amount: string): string => (isDecimalText(amount) ? decimal(amount).toFixed(2) : amount);
const signed = (decimal: string, paint: Paint): string =>
  decimal.startsWith('-') ? paint.bad(decimal) : paint.good(`+${decimal.replace(/^\+/, '')}`);
const clock = (time: number): string => {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
};
