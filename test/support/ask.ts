import { inject } from 'vitest';

/** Asks the process that holds the servers of this test run. The first to ask waits until the server has started. */
export async function askForServer<T>(name: 'postgres' | 'temporal' | 'bundle'): Promise<T> {
  const desk = inject('testServers');
  const response = await fetch(`${desk}/${name}`);
  const text = await response.text();
  if (!response.ok) throw new Error(`There is no test ${name}: ${text}`);
  return JSON.parse(text) as T;
}
