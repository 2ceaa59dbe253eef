import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { expect } from 'vitest';

/** The code with which an update was refused; it must have been. */
export async function codeOfUpdate(telling: Promise<unknown>): Promise<string | null | undefined> {
  const error: unknown = await telling.then(
    () => undefined,
    (refused: unknown) => refused,
  );
  expect(error).toBeInstanceOf(WorkflowUpdateFailedError);
  const { cause } = error as WorkflowUpdateFailedError;
  return cause instanceof ApplicationFailure ? cause.type : undefined;
}
