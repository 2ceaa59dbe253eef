import type { Command } from 'commander';
import { resolve } from 'node:path';
import {
  checkFiles,
  configPath,
  environmentName,
  ENVIRONMENT_VARIABLES,
  loadConfig,
  redacted,
  redactedEnvironment,
} from '../../config/index.js';
import { configJsonSchema, configKeys } from '../../config/json-schema.js';
import { addCommand, answers, type Finish } from '../command.js';
import { table, type Terminal } from '../terminal.js';

/** `keelson config check | keys | schema`. */
export function addConfig(program: Command, terminal: Terminal, finish: Finish): void {
  const config = program.command('config').description('check and describe the configuration');

  const check = addCommand(config, 'check', 'tell every problem, or print the effective configuration, redacted').option(
    '--config <path>',
    'the file; KEELSON_CONFIG or keelson.config.json when left out',
  );
  answers(check, terminal, finish, (options: { json?: boolean; config?: string }) => {
    const path = options.config === undefined ? configPath(terminal.env, terminal.root) : resolve(options.config);
    const loaded = loadConfig({ path, env: terminal.env, credentials: 'live', alertSecrets: true });
    checkFiles(loaded, path);
    const effective = redacted(loaded);
    const environment = redactedEnvironment(terminal.env);
    const data = { path, environmentName: environmentName(terminal.env), config: effective, environment };
    return { data, text: `# ${path} · ${data.environmentName}\n${JSON.stringify({ config: effective, environment }, null, 2)}\n` };
  });

  const keys = addCommand(config, 'keys', 'list every key and environment variable with its default and meaning');
  answers(keys, terminal, finish, () => {
    const known = configKeys();
    const keyText = table(
      known,
      [
        { title: 'key', value: (key) => key.path },
        { title: 'default', value: (key) => key.usual ?? 'required' },
        { title: 'meaning', value: (key) => key.meaning },
      ],
      '',
    );
    const variableText = table(
      ENVIRONMENT_VARIABLES,
      [
        { title: 'variable', value: ({ name }) => name },
        { title: 'default', value: ({ usual }) => usual },
        { title: 'meaning', value: ({ meaning }) => meaning },
      ],
      '',
    );
    return { data: { keys: known, environment: ENVIRONMENT_VARIABLES }, text: `${keyText}\n${variableText}` };
  });

  const schema = addCommand(config, 'schema', 'print the JSON schema of the file');
  answers(schema, terminal, finish, () => ({ data: configJsonSchema(), text: `${JSON.stringify(configJsonSchema(), null, 2)}\n` }));
}
