/** A message as it may be submitted over HTTP: texts and octets, and nothing that names a file or an address to fetch. */
import * as z from 'zod';
import * as schema from './schema.ts';

/** Addresses as people write them: with names, and several with commas. */
const people = z.union([schema.text(10_000), z.array(schema.text()).min(1).max(10_000)]);

export const mailOptions = z.strictObject({
  priority: schema.priority.optional(),
  sendAt: schema.time.optional().describe('Not before this.'),
  expiresAt: schema.time.optional().describe('Given up when it has not been sent by then.'),
  tags: z.array(schema.text(255)).max(100).optional(),
  metadata: z.record(schema.text(255), z.string().max(10_000)).optional().describe('Kept and shown, never sent.'),
  relay: schema.text().optional().describe('In place of the routes.'),
  held: z.boolean().optional().describe('Waits for release.'),
});

export const mail = z.strictObject({
  from: schema.text().optional().describe('Default: the setting defaultFrom.'),
  to: people.optional(),
  cc: people.optional(),
  bcc: people.optional(),
  replyTo: schema.text().optional(),
  subject: z
    .string()
    .max(10_000)
    .refine((value) => !/\p{Cc}/u.test(value), 'has control characters')
    .optional(),
  text: z.string().optional(),
  html: z.string().optional(),
  headers: z
    .record(z.string().regex(/^[!-9;-~]{1,200}$/, 'is no name of a header field'), schema.text(10_000))
    .optional()
    .describe('More header fields.'),
  attachments: z
    .array(
      z.strictObject({
        filename: schema.text(255).optional(),
        contentType: z
          .string()
          .regex(/^[\w.+-]{1,64}\/[\w.+-]{1,64}$/)
          .optional(),
        content: z.base64().describe('Base64.'),
        cid: schema.text(255).optional().describe('Content-ID by which the HTML shows it.'),
      }),
    )
    .max(200)
    .optional(),
  options: mailOptions.optional(),
});

type Given = Omit<z.infer<typeof mail>, 'options' | 'attachments'>;

/** What a submitted message is made of: parts, or the whole of it with its envelope. */
export type Mail =
  | (Given & { readonly attachments?: readonly MailAttachment[] })
  | {
      readonly raw: NodeJS.ReadableStream;
      readonly envelope: { readonly from: string; readonly to: readonly string[] };
    };

interface MailAttachment {
  readonly filename?: string | undefined;
  readonly contentType?: string | undefined;
  readonly cid?: string | undefined;
  readonly content: Buffer;
}

export type MailOptions = z.infer<typeof mailOptions> & { readonly key?: string };
