import { createHash } from 'node:crypto';
import { CancelledFailure } from '@temporalio/activity';
import type { Finding } from '../../core/kill/verify.js';
import { latchName, unverifiedText } from '../../core/kill/verify.js';
import type { KillLatch, KillView } from '../../core/kill/view.js';
import type { EvidenceFile, EvidenceFiles, KillEvidence } from '../ports/kill.js';
import type { KillDependencies } from './dependencies.js';

/** Latches have the database's time, files have ours. */
const CLOCKS_DIFFER_MS = 600_000;
/** Less than the step may take. */
const EQUITY_WITHIN_MS = 5_000;
const EQUITY_AGAIN_MS = 500;

/** What halts without Temporal have left since the first of these latches. */
export function directRuns(files: EvidenceFiles, account: string, latches: readonly KillLatch[]): ReturnType<EvidenceFiles['readDirect']> {
  return files.readDirect(account, Math.min(...latches.map(({ engagedTime }) => engagedTime)) - CLOCKS_DIFFER_MS);
}

/** How many orders the kills of an account have sold by, under latches that sell; as an item of what a file is of. */
export function salesUnder({ latches, sold }: Pick<KillView, 'latches' | 'sold'>): readonly string[] {
  const count = sold.reduce((sum, one) => sum + one.count, 0);
  return count > 0 && latches.some(({ policy }) => policy === 'atOnce') ? [`sold ${count}`] : [];
}

/** A halt that is not verified, and since when, epoch ms by the database's clock. */
export interface Unfinished extends Pick<Finding, 'unverified'> {
  readonly since: number;
}

/** Tells people that a halt is not verified yet, once for each time that it is said: the same halt may be verified, and later not any more. */
export function createKillEscalate({
  kills,
  store,
}: Pick<KillDependencies, 'kills' | 'store'>): (account: string, count: number, unfinished: Unfinished) => Promise<void> {
  return async (account, count, { unverified, since }) => {
    const { latches } = await kills.readKill(account);
    const latchIds = latches.map(({ latchId }) => latchId);
    const key = `haltNotVerified:${account}:${latchIds.join('+')}:${since}:${count}`;
    const data = { count, latchIds, unverified, text: unverified.map(unverifiedText) };
    await store.openIncident({ incidents: [{ key, account, kind: 'haltNotVerified', data }] });
  };
}

/**
 * The same as `conclude`; people are told, once for each halt, where it fails.
 * @throws what `conclude` threw
 */
export function createKillConclude(dependencies: KillDependencies): (account: string, finding: Finding) => Promise<EvidenceFile> {
  const conclude = concluding(dependencies);
  const { kills, store } = dependencies;
  return async (account, finding) => {
    try {
      return await conclude(account, finding);
    } catch (error) {
      if (error instanceof CancelledFailure) throw error;
      const { latches } = await kills.readKill(account);
      const latchIds = latches.map(({ latchId }) => latchId);
      const data = { latchIds, error: error instanceof Error ? error.message : String(error) };
      const key = `haltEvidenceMissing:${account}:${latchIds.join('+')}`;
      await store.openIncident({ incidents: [{ key, account, kind: 'haltEvidenceMissing', data }] });
      throw error;
    }
  };
}

/**
 * Writes the file that tells all about a verified halt, and opens its incident: latches, timeline, venue's replies, orders,
 * fills, equity, and a hash of each and of the whole, so that whoever is handed the file can check it against the audit.
 */
function concluding({ kills, store, files, clock, pause }: KillDependencies): (account: string, finding: Finding) => Promise<EvidenceFile> {
  return async (account, finding) => {
    const view = await kills.readKill(account);
    const { latches } = view;
    const latchIds = latches.map(({ latchId }) => latchId);
    const directs = (await directRuns(files, account, latches)).map(({ name }) => name);
    const told = [...latches.map(latchName), ...salesUnder(view)];
    const of = [...told, ...directs];
    // What is left of several halts, where others have ended, is told of already.
    const last = await kills.writtenLast(account, latchIds);
    if (last !== undefined && of.every((one) => last.of.includes(one))) return last.file;
    const before = await writtenUnder(kills, view);
    if (before !== undefined && directs.length === 0) return before;
    const sections = {
      finding,
      ...(await evidenceAfterAll({ kills, clock, pause }, account)),
      directRuns: await directRuns(files, account, latches),
    };
    const hashes = Object.fromEntries(Object.entries(sections).map(([name, section]) => [name, sha256(JSON.stringify(section))]));
    const writtenAt = new Date(clock()).toISOString();
    const content = `${JSON.stringify({ what: 'evidence of a halt', account, writtenAt, ...sections, hashes }, null, 2)}\n`;
    const written = await files.write(`halt-${account}-${writtenAt.replaceAll(/[:.]/g, '-')}.json`, content);
    const file = { ...written, latchIds, of };
    const data = { latchIds, evidence: written, dust: finding.dust, kept: finding.kept };
    // A halt that was made stricter, or has sold more since, is told of anew: the first telling names a file that says nothing of it.
    await store.openIncident({ incidents: [{ key: `halt:${account}:${told.join('+')}`, account, kind: 'halt', data }] });
    return file;
  };
}

/**
 * The file that a build before 0.6.0 has written of these latches, where nothing was sold after it: its incident was named without what was sold, and a run that it
 * left would write both once more.
 */
async function writtenUnder(kills: KillDependencies['kills'], { risk, latches, sold }: KillView): Promise<EvidenceFile | undefined> {
  const latchIds = latches.map(({ latchId }) => latchId);
  const written = await kills.writtenBefore(`halt:${risk.account}:${latchIds.join('+')}`, latchIds);
  const isWhole = written !== undefined && sold.every(({ lastTime }) => lastTime < written.time);
  return isWhole ? { ...written.file, latchIds } : undefined;
}

/**
 * What a halt came to is told by equity that was read after the last sale. The account watch, where it is at work, reads it within a few
 * seconds; without it the file says which moment its newest figure is of.
 */
async function evidenceAfterAll(
  { kills, clock, pause }: Pick<KillDependencies, 'kills' | 'clock' | 'pause'>,
  account: string,
): Promise<KillEvidence> {
  const until = clock() + EQUITY_WITHIN_MS;
  for (let before: KillEvidence | undefined; ;) {
    const evidence = await kills.evidence(account);
    // Two people have ended it meanwhile: the file is of what stood.
    if (before !== undefined && evidence.latches.length === 0) return before;
    const { after, isWatched } = evidence.equity;
    if (after !== null || !isWatched || clock() >= until) return evidence;
    before = evidence;
    await pause(EQUITY_AGAIN_MS);
  }
}

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
