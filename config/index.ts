export { ENVIRONMENT_VARIABLES, type Environment, type EnvironmentName, type EnvironmentVariable, type LogLevel } from './environment.js';
export {
  configPath,
  databaseUrl,
  environmentName,
  loadConfig,
  logLevel,
  secrets,
  venueUrls,
  type LoadOptions,
  type VenueUrls,
} from './load.js';
export { limitsOf } from './limits.js';
export { redacted, redactedEnvironment, withoutCredentials } from './redacted.js';
export { configSchema, type AccountConfig, type Config, type LimitsConfig, type StrategyConfig, type VenueConfig } from './schema.js';
export { INTERVALS, type Interval } from './values.js';
export { type VenueCredentials } from './secret.js';
export { packageVersion, rootFolder } from './build.js';
