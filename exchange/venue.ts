import { isDeepStrictEqual } from 'node:util';
import { Accounts, type Permission } from './accounts/accounts.js';
import { Ledger } from './accounts/ledger.js';
import { ListenKeys } from './accounts/listen-keys.js';
import { OrderStore } from './accounts/order-store.js';
import { plainText, type Units } from './amount/units.js';
import { SimulatedDepth } from './book/depth.js';
import { InstrumentBook } from './book/instrument-book.js';
import { FaultBook } from './faults/fault-book.js';
import { faultEvent, type FaultRule, type Target } from './faults/rule.js';
import type { JournalEvent } from './journal/record.js';
import { archiveOf } from './journal/archive.js';
import { lineReader } from './journal/line-at.js';
import { lockJournal } from './journal/lock.js';
import { readJournal } from './journal/reader.js';
import { Restore } from './journal/restore.js';
import { NO_JOURNAL, openJournal, type Journal } from './journal/writer.js';
import type { LoadedInstrument } from './market/load.js';
import { Player, type TapeTick } from './market/player.js';
import { Tape, type TapeBar } from './market/tape.js';
import { Engine } from './matching/engine.js';
import type { Order } from './matching/order.js';
import type { FeeRates } from './matching/fees.js';
import { OrderLists } from './matching/order-lists.js';
import type { Committed } from './matching/transaction.js';
import type { RateLimits } from './rest/weights.js';

export interface VenueOptions {
  readonly instruments: readonly LoadedInstrument[];
  readonly intervalMs: number;
  readonly seed: number;
  readonly depthNotional: number;
  readonly feeRates: FeeRates;
  readonly rateLimits: RateLimits;
  readonly accounts: readonly {
    readonly name: string;
    readonly key: string;
    readonly secret: string;
    readonly balances: ReadonlyMap<string, Units>;
    readonly permissions: readonly Permission[];
    readonly feeAsset: string;
  }[];
  readonly journalFile: string | undefined;
  /** Ended orders that stay whole in memory. */
  readonly recentOrders?: number;
  /** The real clock, epoch ms. */
  readonly now: () => number;
}

/** Hears what happens; called after the journal has it. */
export interface VenueListener {
  onCommitted(committed: Committed): void;
  onTick(tick: TapeTick): void;
  onBarClosed(tape: Tape, bar: TapeBar): void;
  onMoment(): void;
  /** How many it will tell of an account's events. */
  readersOf(account: string): number;
  onBalanceMoved(account: string, asset: string, amount: Units): void;
  /** A snapshot of this book is about to be read: changes not told yet are told first, so that the two fit together. */
  onSnapshot(symbol: string): void;
}

/** Trade ids of a later run lie above those of an earlier one: they begin at the milliseconds since this moment. */
const TRADE_ID_EPOCH = Date.UTC(2020, 0, 1);

/** The venue without its wire: instruments, accounts, matching, journal and the player that moves the prices. */
export class Venue {
  readonly accounts = new Accounts();
  readonly ledger = new Ledger();
  readonly orders: OrderStore;
  readonly lists = new OrderLists();
  readonly listenKeys = new ListenKeys();
  readonly faults = new FaultBook();
  readonly books = new Map<string, InstrumentBook>();
  readonly tapes = new Map<string, Tape>();
  readonly engine: Engine;
  readonly intervalMs: number;
  readonly feeRates: FeeRates;
  readonly rateLimits: RateLimits;
  readonly #wallClock: () => number;
  readonly #journal: Journal;
  readonly #listeners: VenueListener[] = [];
  /** Orders that look-ups do not show yet, with the time until then. */
  readonly #hidden = new Map<number, number>();
  readonly #player: Player;
  readonly #unlockJournal: (() => void) | undefined;
  /** What the venue's clock is ahead of the real one, ms. */
  clockShiftMs = 0;

  constructor(options: VenueOptions) {
    this.intervalMs = options.intervalMs;
    this.feeRates = options.feeRates;
    this.rateLimits = options.rateLimits;
    this.#wallClock = options.now;
    this.orders = new OrderStore(options.recentOrders);
    if (options.journalFile !== undefined) this.#unlockJournal = lockJournal(options.journalFile);
    const restore = new Restore(this);
    const end =
      options.journalFile === undefined ? undefined : readJournal(options.journalFile, (line, offset) => restore.apply(line, offset));
    if (options.journalFile !== undefined) this.orders.archive = archiveOf(lineReader(options.journalFile));
    this.#journal = end === undefined ? NO_JOURNAL : openJournal(options.journalFile as string, end);
    this.clockShiftMs = restore.clockShiftMs;
    const now = options.now();
    const tapes: Record<string, { anchorTime: number; digest: string }> = {};
    for (const { instrument, series, digest } of options.instruments) {
      const { symbol } = instrument;
      const before = restore.session?.intervalMs === options.intervalMs ? restore.session.tapes[symbol] : undefined;
      // The same bars at the same interval go on where they would be had the venue not stopped.
      const anchorTime = before?.digest === digest ? before.anchorTime : Math.floor(now / options.intervalMs) * options.intervalMs;
      tapes[symbol] = { anchorTime, digest };
      this.tapes.set(symbol, new Tape(instrument, series, { intervalMs: options.intervalMs, anchorTime }, options.seed));
      const depth = new SimulatedDepth(instrument, options.seed, options.depthNotional);
      const firstTradeId = Math.max((restore.lastTradeIds.get(symbol) ?? 0) + 1, now - TRADE_ID_EPOCH);
      const book = new InstrumentBook(instrument, depth, firstTradeId);
      book.halted = restore.halted.has(symbol);
      this.books.set(symbol, book);
    }
    this.engine = new Engine({
      books: this.books,
      accounts: this.accounts,
      ledger: this.ledger,
      orders: this.orders,
      lists: this.lists,
      journal: this.#journal,
      feeRates: options.feeRates,
      readersOf: (account) => this.#listeners.reduce((sum, listener) => sum + listener.readersOf(account), 0),
      onCommitted: (committed) => this.#listeners.forEach((listener) => listener.onCommitted(committed)),
    });
    this.engine.nextOrderId = restore.lastOrderId + 1;
    this.engine.note(this.now(), { type: 'session', intervalMs: options.intervalMs, seed: options.seed, tapes });
    this.#player = new Player(
      [...this.tapes.values()],
      {
        onTick: (tick) => this.#tick(tick),
        onBarClosed: (tape, bar) => this.#listeners.forEach((listener) => listener.onBarClosed(tape, bar)),
        onMoment: (time) => {
          for (const [symbol, tape] of this.tapes) this.#book(symbol).ended = tape.isOver(tape.indexAt(time));
          this.#listeners.forEach((listener) => listener.onMoment());
        },
      },
      options.now,
    );
    this.#openAccounts(options.accounts, this.now());
    this.#warmUp(now);
    const open = [...this.orders.allOpen()].filter((order) => this.books.has(order.symbol));
    open.sort((left, right) => left.workingTime - right.workingTime || left.orderId - right.orderId);
    for (const order of open) this.engine.reopen(order);
  }

  /** The venue's clock: what it calls now, and what requests are held to. */
  now(): number {
    return this.#wallClock() + this.clockShiftMs;
  }

  /** The real clock, to which bars are aligned. */
  wallTime(): number {
    return this.#wallClock();
  }

  noteFault(rule: FaultRule, target: Target): void {
    this.engine.note(this.now(), faultEvent(rule, target));
  }

  noteAction(action: string, details: Readonly<Record<string, unknown>>): void {
    this.engine.note(this.now(), { type: 'action', action, details });
  }

  /** Keeps an order out of every look-up for a while; streams still tell of it. */
  hide(order: Order, forMs: number): void {
    this.#hidden.set(order.orderId, this.now() + forMs);
  }

  isHidden(orderId: number): boolean {
    const until = this.#hidden.size === 0 ? undefined : this.#hidden.get(orderId);
    if (until === undefined) return false;
    if (until > this.now()) return true;
    this.#hidden.delete(orderId);
    return false;
  }

  /** A balance changes without an order, as by a transfer on the venue's own site. */
  moveBalance(account: string, asset: string, amount: Units): void {
    const now = this.now();
    const details = { account, asset, amount: plainText(amount) };
    this.engine.deposit(account, asset, amount, now, { type: 'action', action: 'moveBalance', details });
    for (const listener of this.#listeners) listener.onBalanceMoved(account, asset, amount);
  }

  /** The last price jumps and the book goes with it; the next tick of the data takes it on from there. */
  movePrice(symbol: string, price: Units, volume: Units): void {
    const book = this.#book(symbol);
    const now = this.now();
    this.noteAction('movePrice', { symbol, price: plainText(price), volume: plainText(volume) });
    // The quantities of the book change with the moment, as they do from bar to bar.
    book.depth.follow(Number(price / book.instrument.tick), Math.floor(now / this.intervalMs));
    this.engine.print(book, price, volume, now, price < book.lastPrice);
  }

  listen(listener: VenueListener): void {
    this.#listeners.push(listener);
  }

  /** To be called before a book is read as a snapshot. */
  announceSnapshot(symbol: string): void {
    for (const listener of this.#listeners) listener.onSnapshot(symbol);
  }

  start(): void {
    this.#player.start();
  }

  /** Prices stand still; everything else goes on. */
  pausePrices(): void {
    this.#player.stop();
  }

  stop(): void {
    this.#player.stop();
    this.#journal.close();
    this.#unlockJournal?.();
  }

  #tick(tick: TapeTick): void {
    const { tape, bar } = tick;
    const { instrument } = tape;
    const book = this.#book(instrument.symbol);
    const price = tape.priceAt(bar, tick.tick);
    const steps = tape.volumeThrough(bar, tick.tick) - (tick.tick === 0 ? 0 : tape.volumeThrough(bar, tick.tick - 1));
    const units = BigInt(price) * instrument.tick;
    const buyerMaker = units < book.lastPrice;
    book.depth.follow(price, bar.index);
    this.engine.print(book, units, BigInt(steps) * instrument.step, tick.time + this.clockShiftMs, buyerMaker);
    this.#listeners.forEach((listener) => listener.onTick(tick));
  }

  #book(symbol: string): InstrumentBook {
    return this.books.get(symbol) as InstrumentBook;
  }

  #openAccounts(accounts: VenueOptions['accounts'], now: number): void {
    for (const { balances, ...account } of accounts) {
      const known = this.accounts.byName(account.name);
      // Balances given by flag are what a new account begins with; a known one keeps its own.
      if (!isDeepStrictEqual(known, account)) this.openAccount(account, known === undefined ? balances : new Map(), now);
    }
  }

  /** Adds an account or changes its key; the balances are deposits from the market maker. */
  openAccount(account: Parameters<Accounts['set']>[0], balances: ReadonlyMap<string, Units>, now: number = this.now()): void {
    this.accounts.set(account);
    const event: JournalEvent = { type: 'account', ...account };
    this.engine.note(now, event);
    for (const [asset, amount] of balances) {
      this.engine.deposit(account.name, asset, amount, now, {
        type: 'action',
        action: 'deposit',
        details: { account: account.name, asset, amount: plainText(amount) },
      });
    }
  }

  /** Last prices, depth and recent trades from the bars before now, so that the first request finds a market. */
  #warmUp(now: number): void {
    for (const [symbol, tape] of this.tapes) {
      const book = this.#book(symbol);
      const current = tape.indexAt(now);
      for (let index = current - 20; index < current; index += 1) {
        const bar = tape.bar(index);
        if (bar === undefined) continue;
        for (let tick = 0; tick < Math.min(tape.ticksPerBar, 50); tick += 1) {
          const price = BigInt(tape.priceAt(bar, tick)) * tape.instrument.tick;
          const steps = tape.volumeThrough(bar, tick) - (tick === 0 ? 0 : tape.volumeThrough(bar, tick - 1));
          const quantity = BigInt(steps) * tape.instrument.step;
          const time = tape.timeOf(index, tick);
          const quote = (price * quantity) / 100_000_000n;
          book.print({ id: book.nextTradeId, symbol, price, quantity, quote, time, buyerMaker: price < book.lastPrice });
          book.nextTradeId += 1;
        }
      }
      const latest = tape.barAtOrBefore(current);
      if (latest === undefined) continue;
      const ticks = latest.index === current ? tape.priceAt(latest, tape.tickAt(now)) : latest.close;
      book.depth.follow(ticks, latest.index);
      book.lastPrice = BigInt(ticks) * tape.instrument.tick;
    }
  }
}
