// Before everything: what is loaded may keep the clock that it finds.
import './clock.js';
import './temporal-clock.js';
// Before what reads the configuration, which knows only registered strategies.
import './strategies.js';
import { runInTrap } from './run.js';
import { guardianRole } from '../../../workers/roles/guardian.js';

await runInTrap('guardian', guardianRole);
