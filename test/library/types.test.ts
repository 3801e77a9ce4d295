/** What the types say: checked by tsc, which fails on each line below that is wrong, and on each `@ts-expect-error` that is right. */
import { createTransport, type SendMailOptions, type Transport, type Transporter } from 'nodemailer';
import { expectTypeOf, test } from 'vitest';
import type {
  DeliveryEvent,
  FoundMessage,
  Listed,
  Mail,
  MailQueue,
  MessageFilter,
  PosthasteConfig,
  QueuedInfo,
  QueueEvent,
  QueueSettings,
  RelayEvent,
  SubmitOptions,
  SubmitResult,
} from '../../src/index.ts';
import { defineConfig } from '../../src/index.ts';
import type { SentMail, TestQueue } from '../../src/testing/index.ts';

/** Never called: it is read by tsc alone. */
function checked(queue: MailQueue, tests: TestQueue, plain: SendMailOptions): void {
  const transport: Transport<QueuedInfo> = queue.transport();
  expectTypeOf(createTransport(queue.transport())).toExtend<Transporter<QueuedInfo>>();
  expectTypeOf(createTransport(transport).sendMail(plain)).resolves.toEqualTypeOf<QueuedInfo>();
  expectTypeOf(queue.submit(plain)).resolves.toEqualTypeOf<QueuedInfo>();
  expectTypeOf(queue.submitAll([plain, [plain], [plain, { key: 'k' }]])).resolves.toEqualTypeOf<SubmitResult[]>();
  expectTypeOf(queue.sendMassMail([plain], { batchSize: 5, priority: 'low' })).resolves.toBeNumber();
  expectTypeOf(queue.get('id')).resolves.toEqualTypeOf<FoundMessage | null>();
  expectTypeOf(queue.find({ states: ['sent'], createdAfter: new Date() })).toEqualTypeOf<
    AsyncGenerator<Listed, void>
  >();
  expectTypeOf(queue.cancel(['id'])).resolves.toBeNumber();
  expectTypeOf(queue.events({ after: '7' })).toEqualTypeOf<AsyncGenerator<QueueEvent, void>>();
  queue.on('bounced', (event) => expectTypeOf(event).toEqualTypeOf<DeliveryEvent>());
  queue.on('relay', (event) => expectTypeOf(event).toEqualTypeOf<RelayEvent>());
  expectTypeOf(tests).toExtend<MailQueue>();
  expectTypeOf(tests.expectSent({ to: /x/ })).resolves.toEqualTypeOf<SentMail>();
  expectTypeOf<Mail>().toEqualTypeOf<SendMailOptions>();
  // @ts-expect-error: there is no such event
  queue.on('delivered', () => {});
  // @ts-expect-error: nor such a priority
  void queue.submit(plain, { priority: 'urgent' });
  // @ts-expect-error: a field of a filter that is there must say something
  void queue.cancel({ tag: undefined });
  // @ts-expect-error: nothing is not all
  void queue.hold();
  // @ts-expect-error: both bodies are needed
  void queue.sendHtmlMail({ to: 'a@b.org', html: '<p>' });
  // @ts-expect-error: the settings say to whom
  void queue.mailAdmins({ to: 'a@b.org', subject: 's' });
  // @ts-expect-error: `expectSent` knows no such field
  void tests.expectSent({ body: 'x' });
}

/** Relays that send by a transport of the application's. */
function transports(others: Transport<{ id: string }>, transporter: Transporter): void {
  const inline = defineConfig({
    relays: {
      plugin: {
        transport: {
          name: 'x',
          version: '1',
          send(mail, callback) {
            expectTypeOf(mail.message.getEnvelope().to).toEqualTypeOf<string[]>();
            callback(null, { messageId: mail.message.messageId() });
          },
        },
      },
      sender: { transport: { sendMail: async (mail) => mail.envelope } },
    },
  });
  class Ours {
    readonly #sent: string[] = [];
    readonly name = 'ours';
    send(mail: { readonly message: { messageId(): string } }, callback: (error: Error | null) => void): void {
      this.#sent.push(mail.message.messageId());
      callback(null);
    }
  }
  /** Of a version of Nodemailer whose types fit none of ours. */
  const older = { sendMail: (mail: { to: string[]; other: symbol }): Promise<symbol> => Promise.resolve(mail.other) };
  for (const transport of [others, transporter, new Ours(), older, createTransport({ jsonTransport: true })])
    expectTypeOf({ transport }).toExtend<NonNullable<PosthasteConfig['relays']>[string]>();
  // @ts-expect-error: it sends nothing
  defineConfig({ relays: { x: { transport: { name: 'x' } } } });
  void inline;
}

test('the types are what tsc checks', () => {
  expectTypeOf(transports).toBeFunction();
  expectTypeOf(checked).toBeFunction();
  expectTypeOf<{ tag: string }>().toExtend<MessageFilter>();
  expectTypeOf<{ sendAt: Date; expiresAt: number; tags: string[] }>().toExtend<SubmitOptions>();
  expectTypeOf<{ relay: string; maxAge: '2d'; configFile: string }>().toExtend<QueueSettings>();
});
