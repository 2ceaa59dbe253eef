import { z } from 'zod';
import { flag, integer, text, url } from './values.js';

const inOrder = (what: string, expected: string, pattern: RegExp) =>
  z
    .array(text(expected, pattern), { error: () => `expected a list of ${what}` })
    .min(1, { error: () => `expected at least one of ${what}` })
    .describe('Whom it tells: the first one at once, the next ones as a critical alert stays unacknowledged.');
const address = 'a mail address such as "desk@example.org"';
const ADDRESS = /^[^\s@<>"]{1,64}@[^\s@<>"]{1,190}$/;

/** How people are told of alerts. Tokens, passwords and webhook addresses come from the environment. */
export const alerts = z
  .strictObject({
    telegram: z
      .strictObject({
        chats: inOrder('chats', 'the id of a chat, such as "-100123"', /^(-?\d{1,20}|@\w{1,64})$/),
        apiRoot: url(['http://', 'https://']).exactOptional().describe('Where the Bot API is. Left out: Telegram’s own.'),
        people: z
          .record(text('the id of a Telegram user, such as "123456"', /^\d{1,20}$/), text('the name of a person', /^\S{1,64}$/))
          .exactOptional()
          .describe('Who may halt by `/kill` in one of the chats: Telegram’s id of the user, and the person of ours. Left out: nobody.'),
      })
      .exactOptional()
      .describe('Warnings and worse, by a Telegram bot. Its token: KEELSON_TELEGRAM_TOKEN.'),
    email: z
      .strictObject({
        host: text('the name of a mail server', /^[A-Za-z0-9.:-]{1,253}$/).describe('The mail server.'),
        port: integer(1, 65_535).default(587).describe('Its port.'),
        secure: flag().default(false).describe('TLS from the first byte, as on port 465.'),
        from: text(address, ADDRESS).describe('The sender.'),
        to: inOrder('addresses', address, ADDRESS),
        user: text('a user name', /^\S{1,200}$/)
          .exactOptional()
          .describe('Who logs in, with KEELSON_SMTP_PASSWORD. Left out: nobody logs in.'),
      })
      .exactOptional()
      .describe('Errors and worse, by e-mail.'),
    sms: z
      .strictObject({ to: inOrder('numbers', 'a number such as "+491700000000"', /^\+?\d{4,20}$/) })
      .exactOptional()
      .describe('Critical alerts, as short messages by the webhook of a service: KEELSON_SMS_WEBHOOK_URL.'),
  })
  .prefault({})
  .describe('How people are told of alerts, beside the log. A webhook is set up by KEELSON_ALERT_WEBHOOK_URL alone.');
