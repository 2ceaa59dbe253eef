import { resolve } from 'node:path';
import { configPath, rootFolder } from '../config/index.js';
import { parseFlags } from './flags.js';
import { launch } from './launch.js';
import { jsonScreen, textScreen } from './screen/screen.js';

/** What `npm start` becomes after the clone is prepared. */
async function main(): Promise<number> {
  const root = rootFolder();
  const parsed = parseFlags(process.argv.slice(2), root);
  if (parsed.kind === 'text') {
    (parsed.exitCode === 0 ? process.stdout : process.stderr).write(parsed.text);
    return parsed.exitCode;
  }
  const { json, home, config, overrides } = parsed.flags;
  const { env } = process;
  return launch({
    root,
    home: resolve(root, home ?? (env['KEELSON_HOME'] || '.keelson')),
    configFile: config === undefined ? configPath(env, root) : resolve(root, config),
    env,
    overrides,
    screen: json ? jsonScreen(process.stdout) : textScreen(process.stdout, env),
    now: Date.now,
  });
}

process.exit(await main());
