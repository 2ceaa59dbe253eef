import { ApplicationFailure } from '@temporalio/activity';

/** How often a stream is offered in a row before this build reads it after all, and how soon it is offered again. */
const OFFERS = 5;
const OFFERED_AGAIN_MS = 200;
const FIRST_TURN_MS = 2_000;
const LONGEST_TURN_MS = 8_000;

interface Turn {
  offers: number;
  nextTurnMs: number;
}

/**
 * What a build whose version is not the active one does with a bar stream that Temporal gives it: it offers the stream to the
 * other workers, so that the active build, which alone may trade (P2), reads the bars live. Where nobody takes it, because
 * no other runs yet, it reads for a turn, longer each time, so that no bar stays unread; then it offers again.
 */
export class StandIn {
  private readonly turns = new Map<string, Turn>();

  /** How long this build reads the stream as a stand-in; 0: it is to be offered first. */
  begin(stream: string): number {
    const turn = this.turns.get(stream) ?? { offers: 0, nextTurnMs: FIRST_TURN_MS };
    this.turns.set(stream, turn);
    if (turn.offers < OFFERS) {
      turn.offers += 1;
      return 0;
    }
    const turnMs = turn.nextTurnMs;
    turn.offers = 0;
    turn.nextTurnMs = Math.min(2 * turnMs, LONGEST_TURN_MS);
    return turnMs;
  }

  /** This build is the active one: the next time begins from the beginning. */
  forget(stream: string): void {
    this.turns.delete(stream);
  }
}

/** Ends the activity so that any worker may take the stream up at once. */
export const offered = (stream: string): ApplicationFailure =>
  ApplicationFailure.create({
    type: 'STRATEGY_INACTIVE',
    message: `this build is not the active one of ${stream}; the stream is offered to the others`,
    nextRetryDelay: OFFERED_AGAIN_MS,
  });
