import './strategies.js';
import { guardianRole } from '../../../workers/roles/guardian.js';
import { runInTrap } from './run.js';

await runInTrap('guardian', guardianRole);
