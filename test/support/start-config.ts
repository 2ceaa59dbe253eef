import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './running-keelson.js';

/** The parts of `keelson.config.json` that tests change. */
export interface StartConfig {
  $schema?: string;
  strategies: { instruments: string[]; model: { path: string }; execution?: object; signalValidMs?: number }[];
  accounts: { main: object };
  limits: { main: object };
  demo: {
    data: { path: string }[];
    simulate: { instrument: string; startPrice: string; barVolatilityRatio: number }[];
  };
  ports: Record<string, number>;
}

/** The shipped configuration of a build as a file that can lie anywhere, on free ports, with what `change` does to it. */
export function startConfig(change: (config: StartConfig) => void = () => undefined, root: string = ROOT): string {
  const shipped = readFileSync(join(root, 'keelson.config.json'), 'utf8').replace(/^\s*\/\/.*$/gm, '');
  const config = JSON.parse(shipped) as StartConfig;
  delete config.$schema;
  for (const strategy of config.strategies) strategy.model.path = join(root, strategy.model.path);
  for (const series of config.demo.data) series.path = join(root, series.path);
  for (const port of Object.keys(config.ports)) config.ports[port] = 0;
  change(config);
  return JSON.stringify(config);
}
