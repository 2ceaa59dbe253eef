import { z } from 'zod';

/** The answer to a change of which there is nothing to tell but that it was made. */
export const doneSchema = z.strictObject({ status: z.literal('done') });
export const DONE = { status: 'done' as const };
