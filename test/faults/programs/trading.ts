// Before what loads packages, as in the product's own programs: the maps of packages are a tenth of a start.
import '../../../workers/composition/source-maps.js';
// Before everything else: what is loaded may keep the clock that it finds.
import './clock.js';
import './temporal-clock.js';
// Before what reads the configuration, which knows only registered strategies.
import './strategies.js';
import type { SignalSink } from '../../../activities/ports/signal-sink.js';
import { signalId, type TradeSignal } from '../../../core/signal/signal.js';
import { runAsProcess } from '../../../workers/composition/main.js';
import { trapWraps } from './run.js';
import { tradingRole } from '../../../workers/roles/trading.js';

/** A signal of a test goes the way of a strategy's, from its start on; told when there is nothing more to start. */
const takeSignals = (sink: SignalSink): void => {
  process.on('message', (message: { readonly type: string; readonly signal: TradeSignal }) => {
    if (message.type !== 'trade') return;
    void sink.trade(message.signal).then(() => process.send?.({ type: 'traded', id: signalId(message.signal) }));
  });
};

const wraps = trapWraps();
await runAsProcess('trading', (opened) => tradingRole(opened, wraps, { onSink: takeSignals }));
