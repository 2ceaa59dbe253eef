import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { LedgerStore } from '../activities/ports/ledger.js';
import type { HaltStore } from '../adapters/store/halt-store.js';
import type { Config, EnvironmentName } from '../config/index.js';
import type { ControlPort } from './control/control-port.js';
import type { Database } from './read/database.js';

/** What the routes work with. */
export interface ApiContext {
  readonly config: Config;
  readonly environment: EnvironmentName;
  readonly version: string;
  readonly database: Database;
  /** Connections of its own for who is calling and for halts: neither waits behind what others read. */
  readonly urgent: Database;
  /** A connection of its own for what reads the whole ledger of an account, which takes long. */
  readonly longReads: Database;
  readonly control: ControlPort;
  readonly halts: Pick<HaltStore, 'latch' | 'drill'>;
  readonly ledger: Pick<LedgerStore, 'bookMovement'>;
  readonly metrics: Registry;
  readonly logger: Logger;
  /** Epoch ms. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly temporal: { readonly address: string; readonly namespace: string; readonly ui: string | null };
  /** Names, beside those of the loopback interface, under which the API may be called. */
  readonly furtherHosts: readonly string[];
}
