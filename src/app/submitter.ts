/** The ways by which an application puts messages into its queue. */
import { createTransport, type Transport, type Transporter } from 'nodemailer';
import { relayNamesOf } from '../config/relays.ts';
import { checkOptions, PosthasteError } from '../errors.ts';
import type { NewMessage } from '../queue/message.ts';
import { checkParts, settled } from '../submission/contents.ts';
import type { IntakeContext, SubmissionDetails } from '../submission/intake.ts';
import { nodemailerTransport, type QueuedInfo } from '../submission/nodemailer.ts';
import { expectFailures } from '../submission/streams.ts';
import { checkMail, type Mail } from './mail.ts';
import type { App } from './open.ts';
import { PreparedMail } from './prepared-mail.ts';
import { checkPlaces, detailsOf, type SubmitOptions } from './submit-options.ts';
import { Transactions } from './transactions.ts';

/** How long a queue that is being closed waits for what is being submitted, ms: a stream may stand still for ever. */
const PATIENCE = 4_000;

export class Submitter {
  readonly #app: App;
  readonly #intake: IntakeContext;
  readonly #version: string;
  readonly #checkOpen: () => void;
  readonly #transactions: Transactions;
  #mailer: Transporter<QueuedInfo> | undefined;
  readonly #underWay = new Set<Promise<unknown>>();
  /** Of those that were begun while the queue was open: a queue that is being closed waits for them. */
  readonly #begun = new WeakSet<SubmitOptions>();

  constructor(app: App, intake: IntakeContext, version: string, checkOpen: () => void) {
    this.#app = app;
    this.#intake = intake;
    this.#version = version;
    this.#checkOpen = checkOpen;
    this.#transactions = new Transactions(app);
  }

  async submit(mail: Mail, options: SubmitOptions = {}): Promise<QueuedInfo> {
    checkMail(mail);
    expectFailures(mail);
    checkOptions(options);
    checkPlaces(mail);
    checkParts(mail);
    this.#checkOpen();
    this.#mailer ??= createTransport(this.transport());
    const own = { ...options };
    this.#begun.add(own);
    const submitted = this.#mailer.sendMail({ ...settled(mail), posthaste: own } as Mail);
    this.#underWay.add(submitted);
    try {
      return await submitted;
    } finally {
      this.#underWay.delete(submitted);
    }
  }

  transport(): Transport<QueuedInfo> {
    return nodemailerTransport({
      intake: this.#intake,
      version: this.#version,
      defaultFrom: this.#app.config.defaultFrom,
      verify: () => this.#verify(),
      detailsOf: (data) => this.#details(optionsIn(data)),
      queueFor: async (data) => {
        const { transaction } = optionsIn(data);
        return transaction === undefined ? undefined : this.#transactions.queueFor(transaction);
      },
    });
  }

  async prepare(mail: Mail, options: Omit<SubmitOptions, 'transaction'> = {}): Promise<PreparedMail> {
    checkOptions(options);
    if ('transaction' in options) throw preparedOutside();
    const preparation = this.#transactions.preparation();
    const info = await this.submit(mail, { ...options, transaction: preparation });
    return new PreparedMail({
      message: preparation.message as NewMessage,
      info,
      callers: await this.#transactions.callers(),
      checkOpen: this.#checkOpen,
      expect: (message) => this.#transactions.expect(message),
    });
  }

  /** Resolves when what was submitted is kept, or has failed; a content that does not come to its end is not waited for. */
  async end(): Promise<void> {
    const { promise: late, resolve: giveUp } = Promise.withResolvers<void>();
    const timer = setTimeout(giveUp, PATIENCE);
    await Promise.race([Promise.allSettled(this.#underWay), late]);
    clearTimeout(timer);
    this.#transactions.end();
  }

  async #verify(): Promise<void> {
    this.#checkOpen();
    await this.#app.store.relays();
  }

  async #details(options: SubmitOptions): Promise<SubmissionDetails> {
    if (!this.#begun.has(options)) this.#checkOpen();
    const details = detailsOf(options);
    if (details.relay !== undefined) await this.#checkRelay(details.relay);
    return details;
  }

  /** Settings without a word of relays leave them to servers beside us, who note theirs in the store. */
  async #checkRelay(relay: string): Promise<void> {
    const { config, store } = this.#app;
    const told = relayNamesOf(config);
    if (told.includes(relay)) return;
    const tells = config.relay !== null || Object.keys(config.relays).length > 0;
    const noted = tells ? [] : (await store.relays()).map((state) => state.relay);
    if (noted.includes(relay)) return;
    const names = [...new Set([...told, ...noted])].join(', ');
    throw new PosthasteError(
      'OPTION_INVALID',
      `relay is ${JSON.stringify(relay)}: there is none of that name, only ${names}.`,
    );
  }
}

function preparedOutside(): PosthasteError {
  const text = 'prepare takes no transaction: give it to submit or submitSync of the prepared message, which keeps it.';
  return new PosthasteError('OPTION_INVALID', text);
}

/** What a message carries for the queue. */
function optionsIn(data: object): SubmitOptions {
  return (data as { readonly posthaste?: SubmitOptions }).posthaste ?? {};
}
