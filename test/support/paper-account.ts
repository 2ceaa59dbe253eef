import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Venue, VenueProfile } from '../../activities/ports/venue.js';
import { createVenue } from '../../adapters/venue/create-venue.js';
import { BINANCE } from '../../adapters/venue/profiles/binance.js';
import type { WeightMeter } from '../../core/venue/weight.js';
import type { LoadedInstrument } from '../../exchange/market/load.js';
import { readJournal } from '../../exchange/journal/reader.js';
import type { JournalLine } from '../../exchange/journal/record.js';
import { serve, type Addresses } from '../../exchange/serve.js';
import { OTHER_KEY, OTHER_SECRET, TEST_KEY, TEST_SECRET, testVenue } from '../../exchange/testing/open-venue.js';
import type { Venue as PaperVenue } from '../../exchange/venue.js';
import { readWitness, type Witness } from './witness.js';

/** The one account of ours at a paper venue, under the venue's name for it. */
export const VENUE_ACCOUNT = 'test';

/** An account of ours with a paper venue of its own, so that prices, faults and clock of one are not another's. */
export interface PaperAccount {
  readonly account: string;
  /** Our name of the venue. */
  readonly venueName: string;
  readonly venue: Venue;
  /** The paper venue's program, for what only it can do: prices, faults, orders by hand. */
  readonly paper: PaperVenue;
  readonly addresses: Addresses;
  /** What the venue itself says of our account, read anew. */
  witness(): Witness;
  /** The whole journal, read anew. */
  journal(): readonly JournalLine[];
  /** The venue's other account, as another one of ours there; it is closed before this one. */
  beside(account: string): Promise<PaperAccount>;
  close(): Promise<void>;
}

export interface PaperAccountOptions {
  readonly account: string;
  readonly venueName: string;
  readonly venueOf?: (venue: Venue) => Venue;
  /**
   * How late a request may arrive, and how long its answer is waited for: by themselves short, for tests that wait them out. Where an
   * order must get through, `PATIENT` is for a busy machine.
   */
  readonly windows?: Windows;
  /** How long a read may take, and how often an idle connection is used. */
  readonly readLimitMs?: number;
  readonly keepWarmMs?: number;
  /** Shared by the connections of one process; by itself each has one of its own, as processes have. */
  readonly meter?: WeightMeter;
  /** How much an address may use in a minute; by itself as good as no limit. */
  readonly weightPerMinute?: number;
  /** What it lists; by itself BTC/USDT and BNB/USDT. */
  readonly instruments?: readonly LoadedInstrument[];
}

type Windows = Pick<VenueProfile, 'receiveWindowMs' | 'submitDeadlineMs'>;
const SHORT: Windows = { receiveWindowMs: 500, submitDeadlineMs: 1_000 };
export const PATIENT: Windows = { receiveWindowMs: 2_000, submitDeadlineMs: 10_000 };

export async function openPaperAccount({
  account,
  venueName,
  venueOf,
  windows = SHORT,
  instruments,
  weightPerMinute,
  ...limits
}: PaperAccountOptions): Promise<PaperAccount> {
  const folder = await mkdtemp(join(tmpdir(), 'keelson-test-venue-'));
  const journalFile = join(folder, 'journal.ndjson');
  const rateLimits = weightPerMinute && { weightPerMinute, ordersPer10Seconds: 1_000_000 };
  const paper = testVenue({ journalFile, ...(instruments === undefined ? {} : { instruments }), ...(rateLimits && { rateLimits }) });
  const serving = await serve(paper, 0, 0);
  const connect = async (ours: string, theirs: string, apiKey: string, secret: string) => {
    const created = await createVenue({
      profile: { ...BINANCE, ...windows, visibilityBoundMs: 300 },
      urls: serving.addresses,
      ...{ apiKey, secret, account: ours, clock: Date.now },
      ...limits,
    });
    const venue = venueOf?.(created) ?? created;
    return {
      ...{ account: ours, venueName, venue, paper },
      addresses: serving.addresses,
      witness: () => readWitness(journalFile, theirs),
      journal() {
        const lines: JournalLine[] = [];
        readJournal(journalFile, (line) => lines.push(line));
        return lines;
      },
      beside: (another: string) => beside(another),
    };
  };
  const beside = async (another: string): Promise<PaperAccount> => {
    const connected = await connect(another, 'other', OTHER_KEY, OTHER_SECRET);
    return { ...connected, close: () => connected.venue.close() };
  };
  const first = await connect(account, VENUE_ACCOUNT, TEST_KEY, TEST_SECRET);
  return {
    ...first,
    async close() {
      await first.venue.close();
      await serving.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
