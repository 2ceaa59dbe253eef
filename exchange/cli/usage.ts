export const USAGE = `The paper venue: a Binance-spot-shaped exchange on 127.0.0.1 that plays recorded or generated prices.

  npm run exchange -- [flags]

  --port N                REST and streams (default 0: a free one)
  --admin-port N          instruments, faults, actions by hand (default 0: a free one)
  --data FILE[@INSTRUMENT][:FROM..TO]
                          recorded bars to play; CSV with a header (date or time, open, high, low, close, volume) or
                          JSON ({candles: …}, {ohlc: …}); several times for several instruments;
                          example: prices.csv@SPX/USDT:2012-01-01..2019-12-31
  --instrument NAME       names the instrument of a single --data file
  --from X, --to X        play only from/to this date or row number (both inclusive); earlier rows are history
  --simulate NAME@SEED[:PRICE,VOLATILITY]
                          generated bars, such as BTC/USDT@7:60000,0.0012 (volatility of one bar)
                          Without --data and --simulate: SPX/USDT recorded, BTC/USDT and ETH/USDT simulated.
  --interval 1s           interval at which one bar of the data is played (ms, s, m, h; default 1s)
  --start-offset N        bar to begin at, counted from the first played row (default 0)
  --at-end loop|stop      loop: again from the start, rescaled so that no price jumps (default); stop: no more bars
  --account NAME:KEY:SECRET:ASSET=AMOUNT,…[:PERMISSIONS[:FEE_ASSET]]
                          an account and what it begins with; several times for several accounts
                          (default main:paper-key:paper-secret:USDT=100000,BTC=1); permissions: read,trade (default)
                          and withdraw, which a key only tells; fee asset: received (default), quote, or a third asset such as BNB
  --accounts-file FILE    the same from a file: a JSON list of such texts, readable by its owner alone (mode 600); keeps
                          secrets off the command line
  --fee-bps MAKER,TAKER   commissions (default 10,10)
  --depth N               quote amount at one level of the simulated book (default 20000)
  --weight-per-minute N   request weight of an address (default 600000)
  --orders-per-10s N      new orders of an account (default 100000)
  --journal FILE          append-only journal; a restart with the same file goes on where it ended (default: none)
  --check-journal FILE    print what a journal says of each account and what is wrong in it, then end (1 when something is)
  --seed N                for paths, depth and faults (default 7)
  --json                  one JSON object a line
  --exit-with-stdin       end when standard input closes
  --help
`;
