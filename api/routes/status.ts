import { z } from 'zod';
import { isHaltedFromChat } from '../../config/index.js';
import { notEnforced } from '../../core/risk/enforcement.js';
import { VENUE_WIRES } from '../../core/venue/wires.js';
import type { ApiContext } from '../context.js';
import { readAccounts } from '../read/accounts.js';
import { readChat, readInstance, readWaitingGuardians } from '../read/instance.js';
import { accountSchema, streamSchema, time } from '../read/schemas.js';
import { readStreams } from '../read/streams.js';
import { route, type Route } from '../route.js';

export const statusSchema = z.strictObject({
  time,
  environment: z.enum(['development', 'test', 'staging', 'production']),
  versions: z.strictObject({ keelson: z.string(), node: z.string(), postgres: z.string(), migration: z.string().nullable() }),
  instance: z.strictObject({ id: z.string(), epoch: z.int().describe('Goes up with every restore.') }),
  temporal: z.strictObject({ address: z.string(), namespace: z.string(), ui: z.string().nullable() }),
  guardiansWithoutTemporal: z
    .array(z.strictObject({ guardian: z.string(), since: time }))
    .describe('Guardians that wait for Temporal: they watch, halt and tell, but place no stop, book no fill and compare nothing.'),
  chat: z
    .strictObject({
      state: z
        .enum(['read', 'silent', 'contested'])
        .describe(
          'silent: not read for two minutes, so that nobody can halt from it; contested: others read there, too, and a /kill may reach them alone.',
        ),
      readTime: time.nullable().describe('When it was read last; null: never.'),
      failure: z.string().nullable().describe('Why it could not be read last, and what to do.'),
    })
    .nullable()
    .describe('The chat in which people may halt; null: none is configured.'),
  accounts: z.array(accountSchema),
  streams: z.array(streamSchema),
  notEnforced: z.array(z.string()).describe('Checks that the design promises and this build does not enforce yet: do not rely on them.'),
  venues: z
    .array(
      z.strictObject({
        venue: z.string(),
        profile: z.string().describe('Whose wire it speaks.'),
        isPaper: z.boolean().describe('False: real money.'),
        isProven: z
          .boolean()
          .describe('Whether the conformance cards have passed there: on our own paper venue, or on the venue’s own test system.'),
      }),
    )
    .describe('The configured venues.'),
});
export type Status = z.output<typeof statusSchema>;

export function statusRoutes(context: ApiContext): Route[] {
  const { config, database } = context;
  const venues = Object.entries(config.venues).map(([venue, { profile, paper, urls }]) => {
    // A venue with addresses of its own is another one than the paper venue that runs beside us.
    const isOurs = paper && urls === undefined;
    return { venue, profile, isPaper: paper, isProven: isOurs || VENUE_WIRES[profile].isProven };
  });
  return [
    route({
      method: 'GET',
      path: '/v1/status',
      summary: 'Modes, versions, streams, open orders, and what is not enforced.',
      access: 'read',
      response: statusSchema,
      errors: [],
      handle: async (): Promise<Status> => {
        const now = context.now();
        const [accounts, streams, instance, guardiansWithoutTemporal, chat] = await Promise.all([
          readAccounts(database),
          readStreams(database, config, now),
          readInstance(database),
          readWaitingGuardians(database),
          isHaltedFromChat(config) ? readChat(database) : null,
        ]);
        return {
          time: now,
          environment: context.environment,
          versions: { keelson: context.version, node: process.versions.node, postgres: instance.postgres, migration: instance.migration },
          instance: { id: instance.id, epoch: instance.epoch },
          temporal: context.temporal,
          guardiansWithoutTemporal,
          chat,
          accounts,
          streams,
          notEnforced: [...notEnforced({ hasCalendar: config.calendar !== undefined, tellsIdentity: instance.tells_identity })],
          venues,
        };
      },
    }),
  ];
}
