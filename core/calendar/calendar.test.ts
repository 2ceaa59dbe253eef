import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeelsonError } from '../errors.js';
import { calendarFailures, parseCalendar, type CalendarView } from './calendar.js';

const AT = Date.parse('2026-12-10T13:30:00Z');
const detailOf = (text: string): unknown => {
  try {
    parseCalendar(text);
  } catch (error) {
    if (error instanceof KeelsonError) return error.failure.values['detail'];
    throw error;
  }
  return undefined;
};

describe('a calendar is read', () => {
  const RATES = { time: AT, title: 'Rates, "final"', currency: 'USD', instruments: null, isMarked: true };
  const MINUTES = { time: AT + 60_000, title: 'Minutes', currency: null, instruments: ['BTC/USDT', 'ETH/USDT'], isMarked: false };

  it('from JSON, alone or under a name', () => {
    const list = [
      { time: '2026-12-10T14:31:00+01:00', title: 'Minutes', impact: 'medium', instruments: ['BTC/USDT', 'ETH/USDT'] },
      { time: '2026-12-10T13:30:00Z', title: 'Rates, "final"', currency: 'USD', impact: 'high' },
    ];
    expect(parseCalendar(JSON.stringify(list))).toEqual([RATES, MINUTES]);
    expect(parseCalendar(JSON.stringify({ events: list }))).toEqual([RATES, MINUTES]);
  });
  it('from CSV, with quotes where they are needed', () => {
    const text = `\uFEFFTime,title,currency,impact,instruments\r\n"2026-12-10 13:30Z","Rates, ""final""",USD,High,\r\n\r\n2026-12-10T13:31:00Z,Minutes,,low,BTC/USDT;ETH/USDT\r\n`;
    expect(parseCalendar(text)).toEqual([RATES, MINUTES]);
  });
  it('with what says nothing of itself as marked, and what is told twice as what either says', () => {
    const csv = (rows: string): string => `time,title,marked,instruments\n${rows}`;
    expect(parseCalendar('time,title\n2026-12-10T13:30:00Z,Rates')).toMatchObject([{ isMarked: true }]);
    expect(parseCalendar(csv('2026-12-10T13:30:00Z,Rates,false,'))).toMatchObject([{ isMarked: false }]);
    const twice = csv('2026-12-10T13:30:00Z,Rates,false,BTC/USDT\n2026-12-10T13:30:00Z,Rates,true,ETH/USDT');
    expect(parseCalendar(twice)).toMatchObject([{ isMarked: true, instruments: ['BTC/USDT', 'ETH/USDT'] }]);
    // A leap day is one, and what JSON knows of no value says nothing.
    const leap = [{ time: '2028-02-29T23:30:00-01:00', title: 'Rates', marked: false, impact: null, currency: null, instruments: null }];
    expect(parseCalendar(JSON.stringify(leap))).toMatchObject([{ time: Date.parse('2028-03-01T00:30:00Z'), isMarked: false }]);
    expect(parseCalendar('time,title')).toEqual([]);
    expect(parseCalendar('[]')).toEqual([]);
  });
  it('of five thousand events at most, alone or told twice', () => {
    const csv = (events: number): string =>
      ['time,title', ...Array.from({ length: events }, (_, event) => `2026-12-10T13:30:00Z,${event}`)].join('\n');
    expect(parseCalendar(csv(5_000))).toHaveLength(5_000);
    expect(detailOf(csv(5_001))).toBe('it has 5001 events; 5000 are the most');
    const twice = `time,title\n${'2026-12-10T13:30:00Z,Rates\n'.repeat(5_001)}`;
    expect(detailOf(twice)).toBe('it has 5001 events; 5000 are the most');
  });
  it.each([
    ['', 'it is empty'],
    ['[{', 'it is no JSON'],
    ['{"a": 1}', 'expected a list of events'],
    ['when,what\n1,2', 'expected a first line with the columns time and title'],
    ['time,title\n2026-12-10T13:30:00Z', 'event 1: expected 2 columns, found 1'],
    ['time,title\n2026-12-10T13:30:00Z,"Rates', 'a quote is not closed'],
    ['time,title\n2026-12-10T13:30:00,Rates', 'event 1: expected a time with its zone'],
    ['time,title\n2026-13-40T13:30:00Z,Rates', 'event 1: expected a time with its zone'],
    ['time,title\n2026-12-10T13:30:00Z,', 'event 1: it has no title'],
    ['time,title,impact\n2026-12-10T13:30:00Z,Rates,grave', 'event 1: expected an impact of low, medium, high'],
    ['time,title,marked\n2026-12-10T13:30:00Z,Rates,yes', 'event 1: expected true or false for marked'],
    ['time,title,instruments\n2026-12-10T13:30:00Z,Rates,bitcoin', 'event 1: expected an instrument as BASE/QUOTE'],
    ['time,title\n2026-02-30T13:30:00Z,Rates', 'event 1: expected a time with its zone'],
    ['time,title\n2026-02-29T00:30:00+14:00,Rates', 'event 1: expected a time with its zone'],
    ['[{"time": "2026-12-10T13:30:00Z", "title": "Rates", "impact": "low", "marked": 1}]', 'event 1: expected text for marked, found 1'],
    ['[{"time": 1765373400000, "title": "Rates"}]', 'event 1: expected text for time, found 1765373400000'],
    ['[{"time": "2026-12-10T13:30:00Z", "title": 7}]', 'event 1: expected text for title'],
    ['[{"time": "2026-12-10T13:30:00Z", "title": "Rates", "impact": ["high"]}]', 'event 1: expected text for impact'],
    ['[{"time": "2026-12-10T13:30:00Z", "title": "Rates", "currency": true}]', 'event 1: expected text for currency'],
    ['[{"time": "2026-12-10T13:30:00Z", "title": "Rates", "instruments": {"0": "BTC/USDT"}}]', 'event 1: expected text for instruments'],
    ['[{"time": "2026-12-10T13:30:00Z", "title": "Rates", "instruments": [["BTC/USDT"]]}]', 'event 1: expected a list of text'],
    [JSON.stringify(Array.from({ length: 5_001 }, () => ({}))), 'it has 5001 events'],
  ])('and refused as a whole where it is not understood: %j', (text, why) => expect(detailOf(text)).toContain(why));
  it('as itself, or refused, whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const why = detailOf(text);
        expect(why === undefined || typeof why === 'string').toBe(true);
      }),
    );
  });
});

describe('an entry', () => {
  const view = (more: Partial<CalendarView> = {}): CalendarView => ({
    ...{ refreshedTime: AT - 1_000, maxAgeMs: 60_000 },
    windows: [{ from: AT - 10, until: AT + 10, time: AT, title: 'Rates', instruments: ['BTC/USDT'] }],
    ...more,
  });
  const codes = (now: number, calendar: CalendarView | undefined = view(), instrument = 'BTC/USDT'): readonly string[] =>
    calendarFailures(calendar, instrument, now).map(({ code }) => code);

  it('waits from the first to the last millisecond of a window, in the instruments that it concerns', () => {
    expect([AT - 11, AT - 10, AT + 10, AT + 11].map((now) => codes(now).length)).toEqual([0, 1, 1, 0]);
    expect(codes(AT)).toEqual(['RISK_CALENDAR_EVENT']);
    expect(codes(AT, view(), 'ETH/USDT')).toEqual([]);
    expect(codes(AT, view({ windows: view().windows.map((one) => ({ ...one, instruments: null })) }), 'ETH/USDT')).toHaveLength(1);
  });
  it('waits where the calendar is too old, or was never read; not where none is configured', () => {
    expect(codes(AT + 100, view({ refreshedTime: null }))).toEqual(['RISK_CALENDAR_STALE']);
    expect(codes(AT + 59_000)).toEqual([]);
    expect(codes(AT + 59_001)).toEqual(['RISK_CALENDAR_STALE']);
    expect(calendarFailures(undefined, 'BTC/USDT', AT)).toEqual([]);
  });
});
