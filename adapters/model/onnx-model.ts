import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { EntryModel } from '../../activities/ports/model.js';
import { KeelsonError } from '../../core/errors.js';
import { readOnnxMetadata } from './onnx-metadata.js';

export interface OnnxModelSource {
  readonly path: string;
  /** SHA-256 (hex) of the file that was approved. */
  readonly expectedHash: string;
  /** What the strategy will give, in its order. */
  readonly featureNames: readonly string[];
}

interface ModelDescription {
  readonly featureNames: readonly string[];
  readonly threshold: number;
  readonly trainedFrom: string;
  readonly trainedTo: string;
}

/**
 * Loads a model, checks that it is the approved one and that it fits the strategy, and scores once so that the first
 * signal does not pay for the start.
 * @throws KeelsonError MODEL_MISSING, MODEL_HASH_MISMATCH, or MODEL_SCHEMA_MISMATCH.
 */
export async function loadOnnxModel(source: OnnxModelSource): Promise<EntryModel> {
  const bytes = await readModelFile(source.path);
  const hash = createHash('sha256').update(bytes).digest('hex');
  if (hash !== source.expectedHash) {
    throw new KeelsonError('MODEL_HASH_MISMATCH', { path: source.path, found: hash, expected: source.expectedHash });
  }
  const description = describe(bytes);
  if (description === undefined || !sameNames(description.featureNames, source.featureNames)) {
    throw new KeelsonError('MODEL_SCHEMA_MISMATCH', {
      path: source.path,
      expected: description?.featureNames.join(', ') ?? 'nothing readable',
      found: source.featureNames.join(', '),
    });
  }
  // One thread: a row takes microseconds, and the cores belong to the streams and the workflows.
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const model = { hash, ...description, score: scorerOf(session, description.featureNames.length) };
  await model.score(description.featureNames.map(() => 0));
  return model;
}

function scorerOf(session: InferenceSession, width: number): EntryModel['score'] {
  const [input] = session.inputNames;
  const [output] = session.outputNames;
  return async (features) => {
    if (features.length !== width) throw new RangeError(`the model takes ${width} features, not ${features.length}`);
    const tensor = new Tensor('float32', Float32Array.from(features), [1, width]);
    const results = await session.run({ [input ?? '']: tensor });
    return Number(results[output ?? '']?.data[0]);
  };
}

async function readModelFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new KeelsonError('MODEL_MISSING', { path }, { cause });
  }
}

/** Undefined when the file carries no metadata of the kind that `npm run train` writes. */
function describe(bytes: Uint8Array): ModelDescription | undefined {
  try {
    const metadata = readOnnxMetadata(bytes);
    const featureNames: unknown = JSON.parse(metadata.get('featureNames') ?? '');
    const threshold = Number(metadata.get('threshold') ?? NaN);
    const trainedFrom = metadata.get('trainedFrom');
    const trainedTo = metadata.get('trainedTo');
    if (!Array.isArray(featureNames) || !Number.isFinite(threshold) || !trainedFrom || !trainedTo) return undefined;
    return { featureNames: featureNames.map(String), threshold, trainedFrom, trainedTo };
  } catch {
    return undefined;
  }
}

function sameNames(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((name, index) => name === right[index]);
}
