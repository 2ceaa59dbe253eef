import { Client, Connection } from '@temporalio/client';
import { expect, test } from 'vitest';
import { SEARCH_ATTRIBUTE_NAMES } from '../../core/search-attributes.js';
import { testDatabase } from './postgres.js';
import { testTemporal } from './temporal.js';

test('each test database is a clone of its own with every migration applied', async () => {
  const [one, other] = await Promise.all([testDatabase(), testDatabase()]);
  try {
    await one.pool.query('create table only_here (id int)');
    const found = await other.pool.query("select to_regclass('only_here') as it");
    expect(found.rows).toEqual([{ it: null }]);
    const applied = await other.pool.query('select name from schema_migrations order by name');
    expect(applied.rows.length).toBeGreaterThan(0);
  } finally {
    await Promise.all([one.drop(), other.drop()]);
  }
});

test('the Temporal server of the run keeps 30 days and finds runs by our search attributes', async () => {
  const { address, namespace } = await testTemporal();
  const connection = await Connection.connect({ address });
  try {
    const described = await connection.workflowService.describeNamespace({ namespace });
    expect(Number(described.config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 86_400);
    const client = new Client({ connection, namespace });
    const query = SEARCH_ATTRIBUTE_NAMES.map((name) => `${name} = 'none'`).join(' AND ');
    expect(await client.workflow.count(query)).toMatchObject({ count: 0 });
  } finally {
    await connection.close();
  }
});
