import type { binance } from 'ccxt';
import { serve, type Serving } from '../../../exchange/serve.js';
import { OTHER_KEY, OTHER_SECRET, testVenue } from '../../../exchange/testing/open-venue.js';
import type { Venue, VenueOptions } from '../../../exchange/venue.js';
import { ccxtClient } from './ccxt-client.js';

export interface PaperVenue {
  readonly venue: Venue;
  readonly serving: Serving;
  /** Of the account `test`. */
  readonly client: binance;
  readonly other: binance;
  close(): Promise<void>;
}

/** A paper venue in this process, with a ccxt client for each of its two accounts. */
export async function openPaperVenue(options: Partial<VenueOptions> = {}): Promise<PaperVenue> {
  const venue = testVenue(options);
  const serving = await serve(venue, 0, 0);
  const client = await ccxtClient(serving.addresses);
  const other = await ccxtClient(serving.addresses, { apiKey: OTHER_KEY, secret: OTHER_SECRET });
  await Promise.all([client.loadMarkets(), other.loadMarkets()]);
  return {
    venue,
    serving,
    client,
    other,
    async close() {
      await Promise.all([client.close(), other.close()]);
      await serving.close();
    },
  };
}

/** What the venue answered to a raw call of ccxt's, such as `privatePostOrder`: its body, or that of its refusal. */
export async function answerOf(client: binance, call: string, params: Record<string, unknown>): Promise<unknown> {
  const method = client[call] as (params: Record<string, unknown>) => Promise<unknown>;
  try {
    return await method.call(client, params);
  } catch (error) {
    const { last_http_response: body } = client as { last_http_response?: string };
    if (body === undefined || !body.startsWith('{"code":')) throw error;
    return JSON.parse(body);
  }
}
