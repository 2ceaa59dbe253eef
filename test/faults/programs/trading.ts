import './strategies.js';
import { tradingRole } from '../../../workers/roles/trading.js';
import { runInTrap } from './run.js';

await runInTrap('trading', tradingRole);
