import { ACCOUNT_ROUTES } from './account-routes.js';
import { CANCEL_REPLACE_ROUTES } from './cancel-replace.js';
import { LIST_ROUTES } from './list-routes.js';
import { LISTEN_KEY_ROUTES } from './listen-key-routes.js';
import { MARKET_ROUTES } from './market-routes.js';
import { ORDER_ROUTES } from './order-routes.js';
import type { Routes } from './route.js';

/** Every call of the trading port. */
export const ROUTES: Routes = {
  ...MARKET_ROUTES,
  ...ACCOUNT_ROUTES,
  ...ORDER_ROUTES,
  ...LIST_ROUTES,
  ...CANCEL_REPLACE_ROUTES,
  ...LISTEN_KEY_ROUTES,
};
