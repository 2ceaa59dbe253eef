import { WorkflowClient, type AsyncWorkflowListIterable, type ListOptions } from '@temporalio/client';
import { ahead } from './clock.js';

/**
 * Temporal has a clock of its own, which nobody puts forward. When a run began is told in the time of the program all the same: else each
 * run would look a day old after a day that has passed in a moment.
 */
const client: { list: (this: WorkflowClient, options?: ListOptions) => AsyncWorkflowListIterable } = WorkflowClient.prototype;
const { list } = client;
client.list = function (options) {
  const found = list.call(this, options);
  return {
    ...found,
    async *[Symbol.asyncIterator]() {
      for await (const run of found) yield { ...run, startTime: new Date(run.startTime.getTime() + ahead()) };
    },
  };
};
