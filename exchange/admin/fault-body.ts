import { FAULTS, TARGET_FIELDS, type FaultName, type FaultRule, type Target } from '../faults/rule.js';
import type { Body } from './body.js';

/** Long enough to outlast any client's patience. */
const STALL_MS = 600_000;

/** Reads a fault rule; every field but `fault` has a default. @throws BodyError */
export function faultRuleOf(body: Body, now: number): Omit<FaultRule, 'id'> {
  const fault = body.oneOf('fault', Object.keys(FAULTS) as FaultName[]);
  const target: Record<string, string> = {};
  for (const field of TARGET_FIELDS) {
    const value = body.text(field);
    if (value !== undefined) target[field] = value;
  }
  const forMs = body.number('forMs', 0, 0, 86_400_000);
  const retryAfterSeconds = body.number('retryAfterSeconds', -1, -1, 86_400);
  const rule = {
    ...(target as Target),
    fault,
    after: body.number('after', 0),
    times: body.number('times', 1),
    probability: body.number('probability', 1, 0, 1),
    seed: body.number('seed', 7),
    until: forMs === 0 ? undefined : now + forMs,
    delayMs: body.number('delayMs', fault.startsWith('stall') ? STALL_MS : 1000, 0, 86_400_000),
    status: body.number('status', fault === 'replaceReply' ? 200 : 503, 200, 599),
    code: body.number('code', -1000, -100_000, 0),
    message: body.text('message') ?? 'An unknown error occurred while processing the request.',
    body: body.text('body') ?? (fault === 'replaceReply' && body.number('code', 0, -100_000, 0) === 0 ? '{}' : undefined),
    retryAfterSeconds: retryAfterSeconds < 0 ? undefined : retryAfterSeconds,
    percent: body.number('percent', 50, 0, 100),
  };
  body.done();
  return rule;
}
