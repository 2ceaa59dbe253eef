/** Waits for `limitMs`, or until `signal` aborts. */
export function pause(limitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, limitMs));
    signal.addEventListener('abort', done, { once: true });
  });
}
