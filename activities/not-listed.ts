import type { EpisodeSight, OrderStore } from './ports/store.js';

/** So long a list that is older may still say that it is not listed. */
const OLDER_LIST_MS = 120_000;

/**
 * Tells people of what a venue does not list any more, once each time, and that it does again.
 * @param listed what the venue lists. `isRead`: it was read just now; else it follows from what the venue answers, and whoever has read it knows better.
 */
export async function tellListed(
  store: Pick<OrderStore, 'tellEpisodes'>,
  account: string,
  { unlisted, listed, isRead }: { readonly unlisted: readonly string[]; readonly listed: readonly string[]; readonly isRead: boolean },
): Promise<void> {
  await store.tellEpisodes({
    account,
    kind: 'instrumentNotListed',
    seen: unlisted.map(told),
    over: listed,
    quietMs: isRead ? 0 : OLDER_LIST_MS,
  });
}

function told(instrument: string): EpisodeSight['seen'][number] {
  const whatToDo =
    'sell or withdraw at the venue what is left of it, and take it out of the configuration; all else of the account goes on';
  return { subject: instrument, data: { instrument, whatToDo } };
}
