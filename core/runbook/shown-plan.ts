import type { Plan } from './spec.js';

/** A plan as people read it: what a step would change stands with the step. */
export interface ShownPlan {
  readonly version: number;
  readonly steps: readonly {
    /** From 1. */
    readonly step: number;
    readonly name: string;
    readonly title: string;
    readonly isCritical: boolean;
    readonly hasUndo: boolean;
    readonly isSigned: boolean;
    readonly writes: readonly { readonly write: string; readonly with: readonly unknown[] }[];
  }[];
}

export function shownPlan({ version, steps, writes }: Pick<Plan, 'version' | 'steps' | 'writes'>) {
  return {
    version,
    steps: steps.map(({ name, title, isCritical, hasUndo, signedWithinMs }, position) => ({
      ...{ step: position + 1, name, title, isCritical, hasUndo, isSigned: signedWithinMs !== null },
      writes: writes.filter(({ step }) => step === name).map(({ write, with: values }) => ({ write, with: [...values] })),
    })),
  } satisfies ShownPlan;
}
