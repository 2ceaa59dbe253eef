import type { NotifyChannel } from '../../activities/ports/alerts.js';
import { emailChannel } from '../../adapters/notify/email.js';
import { logChannel, type AlertLog } from '../../adapters/notify/log.js';
import { smsChannel } from '../../adapters/notify/sms.js';
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
