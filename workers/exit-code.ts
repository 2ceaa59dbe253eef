import { KeelsonError } from '../core/errors.js';

/** What a process was given is wrong (78), a server that it needs does not answer (69, as sysexits.h has it), or anything else. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof KeelsonError)) return 1;
  const { code } = error.failure;
  if (code.startsWith('CONFIG_')) return 78;
  return code === 'INFRA_DATABASE' || code === 'INFRA_TEMPORAL' ? 69 : 1;
}
