import { z } from 'zod';
import { configSchema } from './schema.js';

/** The schema of `keelson.config.json` for editors, published as `config/keelson.schema.json` (a test holds the file to this). */
export function configJsonSchema(): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });
  return { $schema, title: 'Keelson configuration', allowTrailingCommas: true, ...rest };
}

/** One key of the configuration, as the reference lists it. */
export interface ConfigKey {
  /** `accounts.<name>.venue`, `strategies[].id`; a key that chooses between variants names its value: `sizing.kind: "…"`. */
  readonly path: string;
  readonly meaning: string;
  /** The default as JSON; undefined where the key must be given; `none` where it may be left out. */
  readonly usual: string | undefined;
}

interface Node {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
  readonly oneOf?: readonly Node[];
  readonly const?: unknown;
  readonly required?: readonly string[];
  readonly default?: unknown;
}

/** Every key that the schema knows, parents before children, in the order of the schema. */
export function configKeys(): ConfigKey[] {
  const walk = (node: Node, path: string): ConfigKey[] => [
    ...Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
      const at = path === '' ? key : `${path}.${key}`;
      const usual = node.required?.includes(key) ? undefined : 'default' in child ? JSON.stringify(child.default) : 'none';
      const chosen = child.const === undefined ? '' : `: ${JSON.stringify(child.const)}`;
      return [{ path: `${at}${chosen}`, meaning: child.description ?? '', usual }, ...walk(child, at)];
    }),
    ...(node.oneOf ?? []).flatMap((variant) => walk(variant, path)),
    ...(typeof node.additionalProperties === 'object' ? walk(node.additionalProperties, `${path}.<name>`) : []),
    ...(node.items ? walk(node.items, `${path}[]`) : []),
  ];
  return walk(configJsonSchema(), '');
}
