import type { PeriodMeasures, TrainingPlan, TrainingResult } from './train.js';

const percent = (value: number | undefined): string => (value === undefined ? 'undefined' : `${(100 * value).toFixed(2)} %`);
const plain = (value: number | undefined): string => (value === undefined ? 'undefined' : value.toFixed(3));

/** The report of a training for people: what the gate did where its model had not looked, and what doing nothing would have done. */
export function reportText(result: TrainingResult, plan: TrainingPlan, dataHash: string): string {
  return [
    `seed ${plan.seed} · data SHA-256 ${dataHash}`,
    `trained on ${plan.trainedFrom} to ${plan.trainedTo}, ${result.samples} samples · threshold ${result.threshold} (coverage ${percent(plan.coverage)})`,
    `model SHA-256 ${result.hash}, ${result.bytes.length} bytes`,
    '',
    ...periodLines('walk-forward inside the training window (each year scored by a model of the years before)', result.walkForward),
    '',
    ...periodLines('after the training window (the model as it is shipped)', result.afterTraining),
  ].join('\n');
}

function periodLines(title: string, period: PeriodMeasures): readonly string[] {
  const { gate } = period;
  const interval = gate.areaInterval;
  const rows: readonly (readonly [string, string])[] = [
    ['entries of the strategy', String(gate.entries)],
    ['… taken by the gate', `${gate.taken}`],
    ['area under the curve', `${plain(gate.areaUnderCurve)} (90 % of resamplings: ${plain(interval?.low)}–${plain(interval?.high)})`],
    ['logarithmic loss', `${plain(gate.loss)} (the base rate for everyone: ${plain(gate.baseLoss)})`],
    ['accuracy of the gate', percent(gate.accuracy)],
    ['winners among the taken', percent(gate.precision)],
    ['winners among all', percent(gate.baseRate)],
    ['mean net return: taken', percent(gate.meanNetReturnTaken)],
    ['… all entries', percent(gate.meanNetReturnAll)],
    ['… left out', percent(gate.meanNetReturnLeft)],
    ['return after costs: taken', percent(period.returnTaken)],
    ['… all entries', percent(period.returnAll)],
    ['… always in', percent(period.returnAlwaysIn)],
  ];
  return [`${title}, ${period.from} to ${period.to}`, ...rows.map(([name, value]) => `  ${name.padEnd(28)}${value}`)];
}
