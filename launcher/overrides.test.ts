import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig, rootFolder } from '../config/index.js';
import { standingAlone, withOverrides } from './overrides.js';
import { paperAccounts, shownInstruments, venueAccounts, venueFlags } from './parts/venue.js';

const file = join(rootFolder(), 'keelson.config.json');
const config = loadConfig({ path: file, env: {} });

describe('withOverrides', () => {
  it('changes what is played and leaves the rest', () => {
    expect(withOverrides(config, {})).toEqual(config);
    const changed = withOverrides(config, { seed: 1, startOffset: 2, interval: '1m' });
    expect(changed.demo).toMatchObject({ seed: 1, startOffset: 2, interval: '1m', balances: config.demo.balances });
    expect(changed.strategies.map((strategy) => strategy.interval)).toEqual(['1m']);
    expect(changed.limits).toEqual(config.limits);
  });

  it('plays a given file instead of the series of the same instrument', () => {
    const changed = withOverrides(config, { data: [{ instrument: 'BTC/USDT', path: '/btc.csv' }] });
    expect(changed.demo.simulate.map((series) => series.instrument)).toEqual(['ETH/USDT']);
    expect(changed.demo.data.map((series) => series.instrument)).toEqual(['SPX/USDT', 'BTC/USDT']);
    expect(shownInstruments(changed)).toEqual([
      { instrument: 'SPX/USDT', source: 'recorded' },
      { instrument: 'BTC/USDT', source: 'recorded' },
      { instrument: 'ETH/USDT', source: 'simulated' },
    ]);
  });
});

describe('standingAlone', () => {
  it('is a configuration that means the same wherever it lies', () => {
    const folder = mkdtempSync(join(tmpdir(), 'keelson-config-'));
    try {
      const copy = join(folder, 'effective.config.json');
      writeFileSync(copy, standingAlone(config, file));
      const read = loadConfig({ path: copy, env: {} });
      expect(read.strategies[0]?.model.path).toBe(join(rootFolder(), config.strategies[0]?.model.path ?? ''));
      expect(read.limits).toEqual(config.limits);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('the paper venue', () => {
  it('is for the accounts whose venue is paper and has no addresses of its own', () => {
    expect(paperAccounts(config)).toEqual(['main']);
    const urls = { rest: 'http://127.0.0.1:1', stream: 'ws://127.0.0.1:1', wsApi: 'ws://127.0.0.1:1' };
    const elsewhere = { ...config, venues: { paper: { ...config.venues['paper']!, urls } } };
    expect(paperAccounts(elsewhere)).toEqual([]);
    expect(shownInstruments(elsewhere).map((shown) => shown.source)).toEqual(['venue', 'venue', 'venue']);
  });

  it('gets each series with a seed of its own, and each account with its key', () => {
    const flags = venueFlags(config, '/clone');
    const valuesOf = (flag: string) => flags.flatMap((value, index) => (flags[index - 1] === flag ? [value] : []));
    expect(flags).not.toContain('--account');
    expect(venueAccounts(config, { main: { apiKey: 'k', apiSecret: 's' } }, ['main'])).toEqual(['main:k:s:USDT=100000']);
    expect(valuesOf('--data')[0]).toMatch(/^\/clone\/node_modules\/vega-datasets\/data\/sp500-2000\.csv@SPX\/USDT/);
    expect(valuesOf('--simulate')).toEqual(['BTC/USDT@7:60000,0.006', 'ETH/USDT@8:3000,0.008']);
  });
});
