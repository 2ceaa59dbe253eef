export { createVenue, type VenueOptions } from './create-venue.js';
export { paper } from './profiles/binance.js';
export { PROFILES } from './profiles/registry.js';
export type { VenueAddresses, WireProfile } from './profiles/wire-profile.js';
