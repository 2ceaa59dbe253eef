/**
 * A long wait in parts, so that whoever watches is told meanwhile that somebody is at it.
 * @param wait so long, or until it answers that the wait is over
 * @param tell hears how much of it is left
 */
export async function restTold(
  forMs: number,
  partMs: number,
  wait: (ms: number) => Promise<boolean>,
  tell: (leftMs: number) => Promise<void>,
): Promise<void> {
  for (let left = forMs; ; left -= partMs) {
    const isOver = await wait(Math.min(left, partMs));
    if (isOver || left <= partMs) return;
    await tell(left - partMs);
  }
}
