import type { ChatPort } from '../../activities/ports/chat.js';
import type { NotifyChannel } from '../../activities/ports/alerts.js';
import { emailChannel } from '../../adapters/notify/email.js';
import { logChannel, type AlertLog } from '../../adapters/notify/log.js';
import { smsChannel } from '../../adapters/notify/sms.js';
import { telegramChat } from '../../adapters/notify/telegram-chat.js';
import { telegramChannel } from '../../adapters/notify/telegram.js';
import { webhookChannel } from '../../adapters/notify/webhook.js';
import { alertSecrets, type Config, type Environment } from '../../config/index.js';

/** Every way to people that is set up. @throws KeelsonError CONFIG_INVALID when one lacks its secret. */
export function alertChannels(config: Config, env: Environment, log: AlertLog): NotifyChannel[] {
  const { webhookUrl, telegramToken, smtpPassword, smsWebhookUrl } = alertSecrets(config, env);
  const { telegram, email, sms } = config.alerts;
  const channels = [logChannel(log)];
  if (webhookUrl !== undefined) channels.push(webhookChannel(webhookUrl));
  if (telegram !== undefined && telegramToken !== undefined) channels.push(telegramChannel({ ...telegram, token: telegramToken }));
  if (email !== undefined) channels.push(emailChannel({ ...email, password: smtpPassword }));
  if (sms !== undefined && smsWebhookUrl !== undefined) channels.push(smsChannel(smsWebhookUrl, sms.to));
  return channels;
}

/** The chats in which people may halt, and who they are there; undefined where nobody may. */
export function haltingChat(
  config: Config,
  env: Environment,
): { readonly chat: ChatPort; readonly chats: ReadonlySet<string>; readonly people: ReadonlyMap<string, string> } | undefined {
  const { telegram } = config.alerts;
  const { telegramToken: token } = alertSecrets(config, env);
  if (telegram?.people === undefined || token === undefined) return undefined;
  const chat = telegramChat({ token, apiRoot: telegram.apiRoot });
  return { chat, chats: new Set(telegram.chats), people: new Map(Object.entries(telegram.people)) };
}
