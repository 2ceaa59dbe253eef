import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { ControlActivities } from '../../activities/control/index.js';
import { STATE_TEXT } from '../../core/people/approvals.js';
import { CONTROL, CONTROL_COMPARED, told } from '../activity-options.js';
import { lastChangeQuery, pauseUpdate, resumeUpdate, setModeUpdate, type ModeChange, type ModeCommand } from './messages.js';

const { changeMode: pause } = proxyActivities<ControlActivities>(told(CONTROL, 'changes the mode as the command’s row says'));
const { changeMode } = proxyActivities<ControlActivities>(told(CONTROL_COMPARED, 'changes the mode as the command’s row says'));

const COMMAND_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const HISTORY_LIMIT = 2_000;

/**
 * The standing conversation about an account's mode. Pause and resume are updates that name a command row; the mode
 * itself lives in the ledger, so it holds over restarts, and over the loss of this run.
 */
export async function tradingControl(account: string, last: ModeChange | null = null): Promise<void> {
  const apply = async (kind: 'pause' | 'resume' | 'mode', command: ModeCommand): Promise<ModeChange> => {
    const change = kind === 'pause' ? pause : changeMode;
    const answer = await change({ account, kind, commandId: command.commandId });
    if (answer.kind === 'noCommand') {
      throw ApplicationFailure.nonRetryable(
        `no command ${command.commandId} to ${kind} ${account} was made under a person's credential`,
        'AUTH_FORBIDDEN',
      );
    }
    // Which names a message gives, or how often it comes, changes nothing: what lets an account trade are two people's rows.
    if (answer.kind === 'notApproved') {
      throw ApplicationFailure.create({
        nonRetryable: true,
        type: 'AUTH_APPROVAL_CLOSED',
        message: `${kind} ${account} needs the approval of a second person: request ${command.commandId} is ${STATE_TEXT[answer.state]}`,
        details: [STATE_TEXT[answer.state]],
      });
    }
    if (answer.kind === 'moved') {
      throw ApplicationFailure.create({
        nonRetryable: true,
        type: 'INPUT_MODE_MOVED',
        message: `${account} is in mode ${answer.mode} at version ${answer.version} by now`,
        details: [answer.mode, answer.version],
      });
    }
    if (answer.kind === 'notReconciled') {
      throw ApplicationFailure.create({
        nonRetryable: true,
        type: 'RISK_NOT_RECONCILED',
        message: `${account} was paused by a reconciliation, and none has found it clean since: ${answer.found}`,
        details: [answer.found],
      });
    }
    if (answer.kind === 'lossStands') {
      throw ApplicationFailure.create({
        nonRetryable: true,
        type: 'RISK_DAILY_LOSS',
        message: `${account} has lost ${answer.found} today: it only reduces until the day is over`,
        details: [answer.found],
      });
    }
    if (answer.kind === 'keyWithdraws') {
      throw ApplicationFailure.create({
        nonRetryable: true,
        type: 'RISK_KEY_WITHDRAWS',
        message: `the key of ${account} at ${answer.venue} may withdraw: nothing is opened with it`,
        details: [answer.venue],
      });
    }
    last = answer.change;
    setCurrentDetails(`**${last.mode}** by ${last.subject}: ${last.reason}`);
    return last;
  };
  // A validator is synchronous and read-only: an asynchronous one accepts everything.
  const validator = (command: ModeCommand): void => {
    // Typed as it should be, but it comes from outside: a list of one id would read as that id, and no row has one.
    const id: unknown = command?.commandId;
    if (typeof id !== 'string' || !COMMAND_ID.test(id)) throw ApplicationFailure.nonRetryable('commandId must be a UUID', 'INPUT_INVALID');
  };
  setHandler(pauseUpdate, (command) => apply('pause', command), { validator });
  setHandler(resumeUpdate, (command) => apply('resume', command), { validator });
  setHandler(setModeUpdate, (command) => apply('mode', command), { validator });
  setHandler(lastChangeQuery, () => last);

  await condition(() => workflowInfo().historyLength > HISTORY_LIMIT && allHandlersFinished());
  await continueAsNew<typeof tradingControl>(account, last);
}
