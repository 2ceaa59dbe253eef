import type { Config } from './schema.js';

/** Whether people may halt from a chat: then somebody has to read it. */
export const isHaltedFromChat = ({ alerts }: Config): boolean => alerts.telegram?.people !== undefined;
