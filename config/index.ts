export { ENVIRONMENT_VARIABLES, type Environment, type EnvironmentName } from './environment.js';
export {
  alertSecrets,
  configPath,
  databaseUrl,
  environmentName,
  evidenceFolder,
  loadConfig,
  logLevel,
  secrets,
  venueUrls,
} from './load.js';
export { isHaltedFromChat } from './chat.js';
export { checkFiles } from './files.js';
export { limitsOf } from './limits.js';
export { paperAccounts } from './paper.js';
export { redacted, redactedEnvironment, withoutCredentials } from './redacted.js';
export { type Config } from './schema.js';
export { INTERVALS, type Interval } from './values.js';
export { packageVersion, rootFolder } from './build.js';
