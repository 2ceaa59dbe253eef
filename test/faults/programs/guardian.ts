// Before what loads packages, as in the product's own programs: the maps of packages are a tenth of a start.
import '../../../workers/composition/source-maps.js';
// Before everything else: what is loaded may keep the clock that it finds.
import './clock.js';
import './temporal-clock.js';
// Before what reads the configuration, which knows only registered strategies.
import './strategies.js';
import { runLasting } from '../../../workers/composition/main.js';
import { trapWraps } from './run.js';
import { guardianRole } from '../../../workers/roles/guardian.js';

await runLasting('guardian', guardianRole(trapWraps()));
