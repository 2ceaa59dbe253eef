import type { HistoryQuery } from '../accounts/order-store.js';
import { shareOf, wireText } from '../amount/units.js';
import { isOpen, type Order } from '../matching/order.js';
import { fillJson, orderJson } from './render.js';
import { symbolOf, symbolsOf } from './lookups.js';
import type { Call, Routes } from './route.js';

const ONE = 100_000_000n;
/** The longest history that one answer may hold. */
const MOST_ROWS = 1000;

/** Signed calls that only read. */
export const ACCOUNT_ROUTES: Routes = {
  'GET /api/v3/account': { security: 'read', weight: 20, handle: account },
  'GET /api/v3/openOrders': { security: 'read', weight: 6, handle: openOrders },
  'GET /api/v3/allOrders': { security: 'read', weight: 20, handle: allOrders },
  'GET /api/v3/myTrades': { security: 'read', weight: 20, handle: myTrades },
  'GET /api/v3/account/commission': { security: 'read', weight: 20, handle: commission },
  'GET /sapi/v1/account/apiRestrictions': { security: 'read', weight: 1, handle: apiRestrictions },
  'GET /sapi/v1/asset/tradeFee': { security: 'read', weight: 1, handle: tradeFee },
  'GET /sapi/v1/capital/config/getall': { security: 'read', weight: 10, handle: () => [] },
  'GET /sapi/v1/margin/allPairs': { security: 'none', weight: 1, handle: () => [] },
  'GET /sapi/v1/margin/isolated/allPairs': { security: 'none', weight: 1, handle: () => [] },
  'GET /sapi/v1/system/status': { security: 'none', weight: 1, handle: () => ({ status: 0, msg: 'normal' }) },
  'GET /fapi/v1/exchangeInfo': { security: 'none', weight: 1, handle: () => ({ rateLimits: [], symbols: [] }) },
  'GET /dapi/v1/exchangeInfo': { security: 'none', weight: 1, handle: () => ({ rateLimits: [], symbols: [] }) },
};

function account(call: Call): unknown {
  const { maker, taker } = call.venue.feeRates;
  const omitZero = call.params.optional('omitZeroBalances') === 'true';
  const balances = [...call.venue.ledger.balances(call.account.name)].filter(
    ([, { free, locked }]) => !omitZero || free !== 0n || locked !== 0n,
  );
  const canTrade = call.account.permissions.includes('trade');
  return {
    makerCommission: Number(maker / 10n),
    takerCommission: Number(taker / 10n),
    buyerCommission: 0,
    sellerCommission: 0,
    commissionRates: { maker: rate(maker), taker: rate(taker), buyer: rate(0n), seller: rate(0n) },
    canTrade,
    canWithdraw: false,
    canDeposit: false,
    brokered: false,
    requireSelfTradePrevention: false,
    preventSor: false,
    updateTime: call.now,
    accountType: 'SPOT',
    balances: balances.map(([asset, { free, locked }]) => ({ asset, free: wireText(free), locked: wireText(locked) })),
    permissions: ['SPOT'],
    uid: 1,
  };
}

/** What the key that asks may do. Nothing can be withdrawn here: the permission is only told. */
function apiRestrictions({ account: { permissions } }: Call): unknown {
  return {
    ipRestrict: false,
    createTime: 1_700_000_000_000,
    enableReading: permissions.includes('read'),
    enableWithdrawals: permissions.includes('withdraw'),
    enableInternalTransfer: false,
    enableMargin: false,
    enableFutures: false,
    permitsUniversalTransfer: false,
    enableVanillaOptions: false,
    enableFixApiTrade: false,
    enableFixReadOnly: false,
    enableSpotAndMarginTrading: permissions.includes('trade'),
    enablePortfolioMarginTrading: false,
  };
}

function rate(hundredThousandths: bigint): string {
  return wireText(shareOf(ONE, hundredThousandths));
}

function openOrders(call: Call): unknown {
  const { symbols } = symbolsOf(call);
  const isShown = (order: Order): boolean => isOpen(order) && !call.venue.isHidden(order.orderId);
  return symbols.flatMap((symbol) => call.venue.orders.open(call.account.name, symbol).filter(isShown).map(orderJson));
}

function historyQuery(call: Call, fromId: number | undefined): HistoryQuery {
  const startTime = call.params.integer('startTime');
  return {
    fromId,
    startTime,
    endTime: call.params.integer('endTime'),
    limit: call.params.limit(500, MOST_ROWS),
    isFromStart: fromId !== undefined || startTime !== undefined,
    isShown: (orderId) => !call.venue.isHidden(orderId),
  };
}

function allOrders(call: Call): unknown {
  const query = historyQuery(call, call.params.integer('orderId'));
  return call.venue.orders.history(call.account.name, symbolOf(call), query).map(orderJson);
}

function myTrades(call: Call): unknown {
  const query = { ...historyQuery(call, call.params.integer('fromId')), orderId: call.params.integer('orderId') };
  return call.venue.orders.fills(call.account.name, symbolOf(call), query).map(fillJson);
}

function commission(call: Call): unknown {
  const { maker, taker } = call.venue.feeRates;
  const none = { maker: rate(0n), taker: rate(0n), buyer: rate(0n), seller: rate(0n) };
  return {
    symbol: symbolOf(call),
    standardCommission: { ...none, maker: rate(maker), taker: rate(taker) },
    taxCommission: none,
    discount: { enabledForAccount: false, enabledForSymbol: false, discountAsset: 'BNB', discount: rate(0n) },
  };
}

function tradeFee(call: Call): unknown {
  const { maker, taker } = call.venue.feeRates;
  return symbolsOf(call).symbols.map((symbol) => ({ symbol, makerCommission: rate(maker), takerCommission: rate(taker) }));
}
