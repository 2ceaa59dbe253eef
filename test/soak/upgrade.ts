import { fillsOf, upgradeFrom } from '../support/upgrade-story.js';

const FILL_LIMIT_MS = 300_000;
/** So many fills before the upgrade: something is held then, and more is on its way. */
const FILLS = 5;

/**
 * An earlier commit trades with the configuration of then, and this build goes on with its home. The last line says what came of it.
 * @returns whether it compared its account first and went on by itself, and ledger and venue agree
 */
export async function soakUpgrade(from: string): Promise<boolean> {
  const upgrade = await upgradeFrom({
    from,
    until: (older) =>
      older.until('some fills', () => (fillsOf(older) >= FILLS ? (true as const) : undefined), FILL_LIMIT_MS).then(() => {}),
  }).catch((error: unknown) => {
    // The other releases are tried all the same.
    process.stdout.write(`${JSON.stringify({ from, failed: String(error) })}\n`);
    return undefined;
  });
  if (upgrade === undefined) return false;
  process.stdout.write(`${JSON.stringify({ from, ...upgrade })}\n`);
  const hasCompared = upgrade.firstEntry?.cleanBefore.includes('start') === true;
  return hasCompared && upgrade.modes.length === 0 && upgrade.disagreements.length === 0 && upgrade.incidents.length === 0;
}
