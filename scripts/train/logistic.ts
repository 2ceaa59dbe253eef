/** A logistic regression over standardised and clipped features: score = sigmoid(weights · clip((x − mean) / deviation) + bias). */
export interface LogisticModel {
  readonly means: readonly number[];
  readonly deviations: readonly number[];
  readonly weights: readonly number[];
  readonly bias: number;
}

/** Standardised features are clipped to ±3: a market unlike the training window must not carry a score to an extreme. */
export const CLIP = 3;

const ITERATIONS = 25;
/** Kept of every parameter: the optimum is unique, so rounding hides what processors may disagree on in the last bits. */
const SIGNIFICANT_DIGITS = 6;

export interface LabelledFeatures {
  readonly features: readonly number[];
  readonly label: 0 | 1;
}

/**
 * Fits by Newton's method, which needs no random start and no step size. `ridge` is the penalty on the squared weights
 * for each sample (the bias is free).
 * @throws RangeError when there is nothing to fit.
 */
export function fitLogistic(samples: readonly LabelledFeatures[], ridge: number): LogisticModel {
  const width = samples[0]?.features.length ?? 0;
  if (width === 0) throw new RangeError('no samples to fit');
  const columns = Array.from({ length: width }, (_, column) => samples.map((sample) => sample.features[column] ?? 0));
  const means = columns.map((column) => rounded(meanOf(column)));
  const deviations = columns.map((column, index) => rounded(deviationOf(column, means[index] ?? 0)));
  const rows = samples.map((sample) => [...standardise(sample.features, means, deviations), 1]);
  const penalty = ridge * samples.length;
  let beta = new Array<number>(width + 1).fill(0);
  for (let iteration = 0; iteration < ITERATIONS; iteration += 1) {
    const gradient = beta.map((value, index) => (index < width ? -penalty * value : 0));
    const hessian = beta.map((_, i) => beta.map((__, j) => (i === j ? (i < width ? penalty : 1e-9) : 0)));
    rows.forEach((row, r) => {
      const probability = sigmoid(dot(row, beta));
      const residual = (samples[r]?.label ?? 0) - probability;
      const weight = probability * (1 - probability);
      for (let i = 0; i <= width; i += 1) {
        gradient[i] = (gradient[i] ?? 0) + residual * (row[i] ?? 0);
        const line = hessian[i] ?? [];
        for (let j = 0; j <= width; j += 1) line[j] = (line[j] ?? 0) + weight * (row[i] ?? 0) * (row[j] ?? 0);
      }
    });
    const step = solve(hessian, gradient);
    beta = beta.map((value, index) => value + (step[index] ?? 0));
  }
  return { means, deviations, weights: beta.slice(0, width).map(rounded), bias: rounded(beta[width] ?? 0) };
}

/** Probability of label 1, 0–1. */
export function scoreOf(model: LogisticModel, features: readonly number[]): number {
  return sigmoid(dot(standardise(features, model.means, model.deviations), model.weights) + model.bias);
}

function standardise(features: readonly number[], means: readonly number[], deviations: readonly number[]): number[] {
  return features.map((value, index) => {
    const standard = (value - (means[index] ?? 0)) / (deviations[index] ?? 1);
    return Math.min(CLIP, Math.max(-CLIP, standard));
  });
}

function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

function dot(left: readonly number[], right: readonly number[]): number {
  return left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviationOf(values: readonly number[], mean: number): number {
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return variance > 0 ? Math.sqrt(variance) : 1;
}

function rounded(value: number): number {
  return Number(value.toPrecision(SIGNIFICANT_DIGITS));
}

/** Solves a small dense system by elimination with row exchange. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, index) => [...row, right[index] ?? 0]);
  const size = rows.length;
  for (let column = 0; column < size; column += 1) {
    const candidates = rows.slice(column).map((row) => Math.abs(row[column] ?? 0));
    const pivotAt = column + candidates.indexOf(Math.max(...candidates));
    const pivot = rows[pivotAt] ?? [];
    rows[pivotAt] = rows[column] ?? [];
    rows[column] = pivot;
    for (const row of rows.slice(column + 1)) {
      const factor = (row[column] ?? 0) / (pivot[column] ?? 1);
      for (let index = column; index <= size; index += 1) row[index] = (row[index] ?? 0) - factor * (pivot[index] ?? 0);
    }
  }
  const solution = new Array<number>(size).fill(0);
  for (let row = size - 1; row >= 0; row -= 1) {
    const line = rows[row] ?? [];
    const known = solution.reduce((sum, value, index) => (index > row ? sum + value * (line[index] ?? 0) : sum), 0);
    solution[row] = ((line[size] ?? 0) - known) / (line[row] ?? 1);
  }
  return solution;
}
