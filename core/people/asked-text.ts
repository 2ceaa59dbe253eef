interface Asked {
  readonly action: string;
  readonly account: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
  /** The account's, where it is known. */
  readonly mode?: string | null;
}

/** What was asked for, in a line: which mode, which runbook, which limit from what to what. */
export function askedText({ action, account, payload, mode }: Asked): string {
  const text = (name: string): string | undefined => {
    const value = payload[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  };
  const of = [text('scope'), text('scopeValue')].join(' ').trim();
  switch (action) {
    case 'resume': {
      const from = mode === undefined || mode === null ? '' : ` from ${mode}`;
      return text('mode') === undefined
        ? `resume ${account ?? ''}${from} to normal`
        : `mode ${account ?? ''}${from} to ${text('mode') ?? ''}`;
    }
    case 'runbook':
      return `runbook ${text('runbook') ?? '?'} ${account ?? ''}`;
    case 'rearm':
      return `rearm ${of} (halt ${text('latchId') ?? '?'})`;
    case 'loosenLimit':
      return `limit ${text('key') ?? '?'} of ${of}${of.startsWith('account') ? '' : ` ${text('account') ?? ''}`.trimEnd()} from ${text('from') ?? 'unset'} to ${text('value') ?? 'none'}`;
    case 'overrideLimit': {
      const who = [account, text('strategy'), text('instrument')].filter(Boolean).join(' ');
      const orders = payload['isForOneOrder'] === true ? 'one order' : 'every order';
      return `override ${text('key') ?? '?'} ${text('value') ?? '?'} for ${orders} of ${who}, ${Number(payload['validForMs'] ?? 0) / 60_000} min`;
    }
    default:
      return [action, account ?? ''].join(' ').trim();
  }
}
