import { VenueError } from '../matching/venue-error.js';
import type { Call, Routes } from './route.js';

/** The older user-data stream: open a key, read `/ws/KEY`, keep it alive. */
export const LISTEN_KEY_ROUTES: Routes = {
  'POST /api/v3/userDataStream': {
    security: 'key',
    weight: 2,
    handle: ({ venue, account, now }) => ({ listenKey: venue.listenKeys.open(account.name, now) }),
  },
  'PUT /api/v3/userDataStream': {
    security: 'key',
    weight: 2,
    handle: (call) => found(call.venue.listenKeys.extend(call.account.name, keyOf(call), call.now)),
  },
  'DELETE /api/v3/userDataStream': {
    security: 'key',
    weight: 2,
    handle: (call) => found(call.venue.listenKeys.close(call.account.name, keyOf(call))),
  },
};

function keyOf(call: Call): string {
  return call.params.required('listenKey');
}

function found(isThere: boolean): Record<string, never> {
  if (!isThere) throw new VenueError(-1125, 'This listenKey does not exist.');
  return {};
}
