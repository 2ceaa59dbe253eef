export type Side = 'BUY' | 'SELL';

export function opposite(side: Side): Side {
  return side === 'BUY' ? 'SELL' : 'BUY';
}
