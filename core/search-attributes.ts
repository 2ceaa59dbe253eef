/**
 * The custom search attributes of our workflows, all of type Keyword: by them the list of runs reads like a blotter.
 * They are never encrypted, so no secret and no amount goes in. Not a library's types: core knows no Temporal.
 */
export const SEARCH_ATTRIBUTES = {
  account: 'KeelsonAccount',
  instrument: 'KeelsonInstrument',
  strategy: 'KeelsonStrategy',
  side: 'KeelsonSide',
  status: 'KeelsonStatus',
} as const;

export type SearchAttributeName = (typeof SEARCH_ATTRIBUTES)[keyof typeof SEARCH_ATTRIBUTES];

export const SEARCH_ATTRIBUTE_NAMES: readonly SearchAttributeName[] = Object.values(SEARCH_ATTRIBUTES);
