/** Statements of ours that hold up a halt while they are not over: a worker is stopped in the middle of each. */
export const STOPPED = [
  'apply_configuration',
  'apply_limit_request',
  'apply_mode_command',
  'authorise_as_kill',
  'authorise_order',
  'begin_reconciliation_look',
  'begin_runbook',
  'begin_submit',
  'begin_submit_as_kill',
  'begin_system_start',
  'carry_discrepancies',
  'change_runbook_hold',
  'decide_difference',
  'end_override',
  'end_reconciliation_look',
  'end_runbook',
  'engage_drill',
  'engage_latch',
  'freeze_for_outage',
  'rebuild_ledger',
  'release_latch',
  'resume_after_outage',
  'retire_accounts',
  'tighten_limit',
  'write_kill',
  'write_reconciliation_look',
  'write_watch_sample',
] as const;

/** … and those that none is stopped in, each with the reason. */
export const NOT_STOPPED: Readonly<Record<string, string>> = {
  check_instance_identity:
    'locks only where the database is another than before, as each connection finds it that is opened then: nothing trades yet',
  request_rearm: 'locks only where a halt is of a time to come, once after the database’s clock was set back: the halt stands already then',
  miss_signals: 'locks only where the database has gone back, as a guardian finds it that starts: all that work over it have to end',
};

/** Of those that lock nothing that a halt needs: what people and kills wait for is stopped in, too, and holds up none. */
export const HOLDING_NOTHING = [
  'book_fill',
  'book_movement',
  'change_order',
  'change_order, as a cancel',
  'decide_order',
  'take_kill_lease',
] as const;
