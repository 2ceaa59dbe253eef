import { z } from 'zod';
import type { ApiContext } from '../context.js';
import { time } from '../read/schemas.js';
import { route, type Route } from '../route.js';

const calendarSchema = z.strictObject({
  ageMs: z.int().nullable().describe('Since it was read; null: not yet.'),
  maxAgeMs: z.int().describe('When it is older, entries are denied.'),
  failure: z.string().nullable().describe('Why it could not be read last.'),
  beforeMs: z.int().describe('So long before a marked event nothing is entered.'),
  afterMs: z.int().describe('So long after it.'),
  events: z
    .array(
      z.strictObject({
        time,
        title: z.string(),
        currency: z.string().nullable(),
        instruments: z.array(z.string()).nullable().describe('Null: every one.'),
      }),
    )
    .describe('Marked ones of the next 24 hours.'),
});
export type CalendarAnswer = { readonly calendar: z.output<typeof calendarSchema> | null };

/** The economic calendar, around whose marked events nothing is entered. */
export function calendarRoutes({ database }: ApiContext): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/calendar',
      summary: 'The economic calendar: how old it is, and the marked events of the next 24 hours.',
      access: 'read',
      response: z.strictObject({ calendar: calendarSchema.nullable().describe('Null: none is configured.') }),
      errors: [],
      handle: async (): Promise<CalendarAnswer> => {
        const { rows } = await database.query<CalendarAnswer>('select read_calendar() as calendar');
        return { calendar: rows[0]?.calendar ?? null };
      },
    }),
  ];
}
