import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packagedSeriesPath, readDailySeries } from './daily-series.js';
import { reportText } from './report.js';
import { train, TRAINING_PLAN } from './train.js';

const FOLDER = 'models';
const FILE = 'momentum-entry.onnx';

const series = readDailySeries(packagedSeriesPath());
const result = train(series, TRAINING_PLAN);
mkdirSync(FOLDER, { recursive: true });
writeFileSync(join(FOLDER, FILE), result.bytes);
process.stdout.write(`${reportText(result, TRAINING_PLAN, series.fileHash)}\n\nwritten to ${join(FOLDER, FILE)}\n`);
