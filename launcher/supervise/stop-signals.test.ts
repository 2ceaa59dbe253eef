import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { listenForStop } from './stop-signals.js';

function wishesAfter(...signals: readonly string[]): readonly string[] {
  const source = new EventEmitter();
  const output = new EventEmitter();
  const wishes: string[] = [];
  const handlers = { onFirst: (reason: string) => wishes.push(reason), onSecond: () => wishes.push('at once') };
  listenForStop(handlers, source, [output]);
  for (const signal of signals) (signal === 'EPIPE' ? output : source).emit(signal === 'EPIPE' ? 'error' : signal);
  return wishes;
}

describe('listenForStop', () => {
  it('stops in order first, at once when a person insists', () => {
    expect(wishesAfter('SIGINT')).toEqual(['Ctrl-C']);
    expect(wishesAfter('SIGINT', 'SIGINT')).toEqual(['Ctrl-C', 'at once']);
    expect(wishesAfter('SIGTERM', 'SIGTERM')).toEqual(['asked to end', 'at once']);
    expect(wishesAfter('SIGHUP', 'SIGINT')).toEqual(['the terminal was closed', 'at once']);
  });

  it('does not take a closing terminal for insisting', () => {
    expect(wishesAfter('SIGINT', 'SIGHUP', 'SIGTERM', 'EPIPE', 'EPIPE')).toEqual(['Ctrl-C']);
    expect(wishesAfter('EPIPE', 'EPIPE', 'SIGHUP')).toEqual(['the terminal was closed']);
  });
});
