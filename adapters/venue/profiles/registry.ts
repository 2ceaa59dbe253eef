import { BINANCE } from './binance.js';
import type { WireProfile } from './wire-profile.js';

/** The venues that the adapter knows, by the name that the configuration uses. */
export const PROFILES: Readonly<Record<string, WireProfile>> = { binance: BINANCE };
