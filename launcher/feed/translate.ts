import { ERRORS, failure } from '../../core/errors.js';
import type { ErrorCode } from '../../core/errors.js';
import { askedText } from '../../core/people/asked-text.js';
import type { LauncherEvent } from '../screen/events.js';

/** A row of `GET /v1/events`: what the audit says happened. */
export interface AuditEvent {
  readonly id: string;
  /** Epoch ms. */
  readonly time: number;
  readonly kind: string;
  /** Null for what concerns none, as a halt with none under it. */
  readonly account: string | null;
  readonly subject?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

type Data = Readonly<Record<string, unknown>>;

/** What the screen shows of an audit event; `undefined` for those that are only for the record. */
export function toLauncherEvent(event: AuditEvent): LauncherEvent | undefined {
  const { time, data, kind } = event;
  const account = event.account ?? '';
  if (kind === 'signal.recorded' || kind === 'signal.notTraded') {
    return {
      time,
      event: 'signal',
      account,
      strategy: text(data, 'strategy') ?? '?',
      instrument: text(data, 'instrument') ?? '?',
      leg: text(data, 'leg') ?? 'open',
      traded: kind === 'signal.recorded' && data['traded'] !== false && data['outcome'] !== 'notTraded',
      reasons: reasonsOf(data),
      ...optional('score', text(data, 'score')),
      ...optional('threshold', text(data, 'threshold')),
    };
  }
  if (kind.startsWith('order.')) return orderEvent(event, kind.slice('order.'.length));
  if (kind === 'fill.booked') {
    return {
      time,
      event: 'fill',
      account,
      instrument: text(data, 'instrument') ?? '?',
      side: text(data, 'side') ?? '?',
      quantity: text(data, 'quantity') ?? '?',
      price: text(data, 'price') ?? '?',
      ...optional('fee', text(data, 'fee') ?? text(data, 'feeAmount')),
      ...optional('feeAsset', text(data, 'feeAsset')),
      ...optional('clientOrderId', text(data, 'clientOrderId')),
    };
  }
  if (kind === 'mode.changed') {
    return {
      time,
      event: 'mode',
      account,
      mode: text(data, 'mode') ?? '?',
      ...optional('from', text(data, 'was')),
      ...optional('reason', text(data, 'reason')),
      ...optional('by', event.subject ?? undefined),
    };
  }
  if (kind === 'bars.gap' || kind === 'incident.opened') {
    return { time, event: 'notice', kind, account, message: noticeText(kind, data) };
  }
  // How far it is changes with every look: that is for whoever asks.
  if (kind.startsWith('halt.') && kind !== 'halt.running') {
    const message = haltText(event);
    return message === undefined ? undefined : { time, event: 'notice', kind, account, message };
  }
  if (kind.startsWith('approval.')) return { time, event: 'notice', kind, account, message: approvalText(event) };
  return undefined;
}

/** `otto asks for: resume main to normal: …`, `rik approved it: …`. What exactly was asked is in the request alone. */
function approvalText({ kind, account, subject, data }: AuditEvent): string {
  const [action, payload] = [text(data, 'action') ?? '?', data['payload']];
  const what =
    typeof payload === 'object' && payload !== null
      ? askedText({ action, account, payload: payload as Data })
      : `${action} ${account ?? ''}`.trim();
  const why = reasonOf(data);
  const request = text(data, 'requestId') ?? '?';
  if (kind === 'approval.requested')
    return `${subject ?? '?'} asks for: ${what}: ${why}. A second person decides: keelson approvals approve ${request} --reason …`;
  return `${subject ?? '?'} ${kind.slice('approval.'.length)} what ${text(data, 'requestedBy') ?? '?'} asked (${what}): ${why}`;
}

const HELD: Readonly<Record<string, string>> = { atOnce: 'what is held is sold', none: 'what is held stays with its stops' };

/** `HALTED account main by rik: … (what is held is sold): npx keelson halts tells how far it is.` */
function haltText({ kind, account, subject, data }: AuditEvent): string | undefined {
  const what = [text(data, 'scope'), text(data, 'scopeValue')].filter((part) => part !== undefined).join(' ');
  const why = `${what} by ${subject ?? '?'}: ${reasonOf(data)}`;
  switch (kind) {
    case 'halt.ended': {
      const by = Array.isArray(data['approvedBy']) ? data['approvedBy'].join(', ') : '?';
      // Who asks to end it is seldom who has halted.
      return `${account}: the halt of ${what} has ended: ${subject ?? '?'} asked for it (${reasonOf(data)}), approved by ${by}`;
    }
    case 'halt.verified':
      return account === null ? undefined : verifiedText(account, data);
    case 'halt.released':
      return `${account}: no halt stands any more`;
    default: {
      if (account === null || Array.isArray(data['known'])) {
        const has = ['strategy', 'instrument'].includes(text(data, 'scope') ?? '') ? 'trades or holds anything of it' : 'is under it';
        return `NOTHING IS HALTED, no account ${has}: ${why}. The latch stands, over what comes under it later`;
      }
      const how = kind === 'halt.engaged' ? 'HALTED' : kind === 'halt.tightened' ? 'HALTED, stricter' : 'HALTED, called again';
      return `${account}: ${how}: ${why} (${HELD[text(data, 'policy') ?? ''] ?? '?'}). npx keelson halts tells how far it is`;
    }
  }
}

/** What is verified is looked at again and again: what is new is told, once that the venue has shown it, and once where the file of it is. */
function verifiedText(account: string, data: Data): string | undefined {
  const listed = data['halted'];
  const halted = Array.isArray(listed) && listed.length > 0 ? listed.join(' and ') : account;
  if (data['wasPhase'] !== 'verified')
    return `${account}: the venue has shown what the halt of ${halted} is for. It stays halted until two people end it: npx keelson halts`;
  const file = data['evidence'];
  const path = typeof file === 'object' && file !== null ? text(file as Data, 'path') : undefined;
  return data['isFileNew'] === true && path !== undefined
    ? `${account}: the evidence of the halt of ${halted} is written: ${path}`
    : undefined;
}

function orderEvent(event: AuditEvent, status: string): LauncherEvent {
  const { data } = event;
  return {
    time: event.time,
    event: 'order',
    account: event.account ?? '',
    status,
    clientOrderId: text(data, 'clientOrderId') ?? text(data, 'intentId') ?? '?',
    reasons: reasonsOf(data),
    ...optional('instrument', text(data, 'instrument')),
    ...optional('purpose', text(data, 'purpose')),
    ...optional('side', text(data, 'side')),
    ...optional('quantity', text(data, 'quantity')),
    // A stop's limit says little: what counts is the price at which it wakes.
    ...optional('price', text(data, 'stopPrice') ?? text(data, 'price')),
  };
}

function noticeText(kind: string, data: Data): string {
  const reasons = reasonsOf(data).join(' · ');
  const [number, incident] = [text(data, 'incidentId'), text(data, 'incident')];
  const which = ['incident', number, incident].filter((part) => part !== undefined).join(' ');
  const what = kind === 'bars.gap' ? 'bars are missing' : `${which} was opened (npx keelson incidents list)`;
  return [text(data, 'instrument'), what, reasons].filter((part) => part !== undefined && part !== '').join(': ');
}

/** What people, or a watch, gave as the reason: more is said behind it, so it ends without a full stop. */
const reasonOf = (data: Data): string => (text(data, 'reason') ?? '?').replace(/\.$/, '');

/** Failures come as objects with a message, as codes with values, or as plain texts. */
function reasonsOf(data: Data): readonly string[] {
  const listed = [data['failures'], data['reasons']].find((value) => Array.isArray(value) && value.length > 0);
  if (Array.isArray(listed)) return listed.map(reasonText).filter((reason) => reason !== '');
  const code = data['code'];
  if (typeof code === 'string') return [reasonText(data)];
  return [text(data, 'reason'), text(data, 'detail'), text(data, 'message')].filter((reason) => reason !== undefined).slice(0, 1);
}

function reasonText(value: unknown): string {
  if (typeof value === 'string') return isCode(value) ? failure(value).message : value;
  if (typeof value !== 'object' || value === null) return '';
  const data = value as Data;
  const message = text(data, 'message') ?? text(data, 'detail');
  if (message !== undefined) return message;
  const code = data['code'];
  return typeof code === 'string' ? (isCode(code) ? failure(code, valuesOf(data)).message : code) : '';
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);

function valuesOf(data: Data): Record<string, string | number> {
  const values = typeof data['values'] === 'object' && data['values'] !== null ? (data['values'] as Data) : data;
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string | number] => ['string', 'number'].includes(typeof entry[1])),
  );
}

function text(data: Data, key: string): string | undefined {
  const value = data[key];
  if (typeof value === 'string') return value === '' ? undefined : value;
  return typeof value === 'number' ? String(value) : undefined;
}

const optional = <K extends string>(key: K, value: string | undefined): Partial<Record<K, string>> =>
  value === undefined ? {} : ({ [key]: value } as Record<K, string>);
