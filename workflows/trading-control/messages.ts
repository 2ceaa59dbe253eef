import { defineQuery, defineUpdate } from '@temporalio/workflow';
import type { Mode } from '../../core/control/mode.js';

/** Names the row in `commands` that a person's own credential made; nothing else in the message is believed. */
export interface ModeCommand {
  readonly commandId: string;
}

/** `changedTime`: epoch ms, database's clock. */
export interface ModeChange {
  readonly account: string;
  readonly mode: Mode;
  readonly subject: string;
  readonly reason: string;
  readonly changedTime: number;
}

export const pauseUpdate = defineUpdate<ModeChange, [ModeCommand]>('pause');
export const resumeUpdate = defineUpdate<ModeChange, [ModeCommand]>('resume');
/** Any mode; which one is in the row, with the version of the control row that the person saw. */
export const setModeUpdate = defineUpdate<ModeChange, [ModeCommand]>('mode');
export const lastChangeQuery = defineQuery<ModeChange | null>('lastChange');
