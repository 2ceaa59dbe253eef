import { createTransport } from 'nodemailer';
import type { NotifyChannel } from '../../activities/ports/alerts.js';
import { subjectOf, textOf } from '../../core/alerts/message.js';
import { notDelivered } from './not-delivered.js';

export interface EmailOptions {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte; else it is asked for where the server has it. */
  readonly secure: boolean;
  readonly from: string;
  readonly to: readonly string[];
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

const STEP_LIMIT_MS = 8_000;

/** Mails over SMTP, each over a connection of its own: one that hangs holds up no other. */
export function emailChannel({ host, port, secure, from, to, user, password }: EmailOptions): NotifyChannel {
  const auth = user === undefined ? {} : { auth: { user, pass: password ?? '' }, requireTLS: !secure };
  const limits = {
    connectionTimeout: STEP_LIMIT_MS,
    greetingTimeout: STEP_LIMIT_MS,
    socketTimeout: STEP_LIMIT_MS,
    dnsTimeout: STEP_LIMIT_MS,
  };
  return {
    name: 'email',
    recipients: to.length,
    async send(message, recipient, signal) {
      const transport = createTransport({ host, port, secure, ...auth, ...limits });
      const close = (): void => transport.close();
      signal.addEventListener('abort', close, { once: true });
      try {
        await transport.sendMail({ from, to: to[recipient] ?? '', subject: subjectOf(message), text: textOf(message) });
      } catch (error) {
        // Only the code: the server's own words may repeat what it was told.
        const code = error instanceof Error && 'code' in error ? String(error.code) : 'the connection failed';
        throw notDelivered('email', signal.aborted ? 'it did not answer in time' : code);
      } finally {
        signal.removeEventListener('abort', close);
        transport.close();
      }
    },
  };
}
