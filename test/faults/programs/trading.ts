// Before everything: what is loaded may keep the clock that it finds.
import './clock.js';
import './temporal-clock.js';
// Before what reads the configuration, which knows only registered strategies.
import './strategies.js';
import { runAsProcess } from '../../../workers/composition/main.js';
import { trapWraps } from './run.js';
import { tradingRole } from '../../../workers/roles/trading.js';

const wraps = trapWraps();
await runAsProcess('trading', (opened) => tradingRole(opened, wraps));
