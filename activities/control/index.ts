import type { Mode } from '../../core/control/mode.js';
import type { UnusableState } from '../../core/people/approvals.js';
import { mapped } from '../failures.js';
import type { ControlStore } from '../ports/store.js';

export interface ChangedMode {
  readonly account: string;
  readonly mode: Mode;
  readonly subject: string;
  readonly reason: string;
  readonly changedTime: number;
}

export interface ControlActivities {
  changeMode(input: {
    readonly account: string;
    readonly kind: 'pause' | 'resume' | 'mode';
    readonly commandId: string;
  }): Promise<
    | { readonly kind: 'changed'; readonly change: ChangedMode }
    | { readonly kind: 'noCommand' }
    | { readonly kind: 'notApproved'; readonly state: UnusableState }
    | { readonly kind: 'moved'; readonly mode: Mode; readonly version: string }
    | { readonly kind: 'notReconciled'; readonly found: string }
  >;
}

const MODE_OF = { pause: { mode: 'paused' }, resume: { mode: 'normal' }, mode: {} } as const satisfies Record<string, { mode?: Mode }>;

export function createControlActivities(store: ControlStore): ControlActivities {
  return {
    changeMode: mapped(async ({ account, kind, commandId }) => {
      const answer = await store.applyModeCommand({ account, commandId, kind, ...MODE_OF[kind] });
      if (answer.kind !== 'applied') return answer;
      const { mode, subject, reason, changedTime } = answer;
      return { kind: 'changed' as const, change: { account, mode, subject, reason, changedTime } };
    }),
  };
}
