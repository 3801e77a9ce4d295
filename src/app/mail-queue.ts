/** What an application does with its queue: submits, looks, moves, and works on it. */
import type { Transport } from 'nodemailer';
import type { Tally } from '../delivery/round.ts';
import { PosthasteError } from '../errors.ts';
import type { State } from '../queue/delivery.ts';
import type { Operator } from '../queue/operator.ts';
import type { Listed, Page, Suppression } from '../queue/store.ts';
import { ONCE } from '../queue/why.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Log } from '../runtime/log.ts';
import type { IntakeContext } from '../submission/intake.ts';
import type { QueuedInfo } from '../submission/nodemailer.ts';
import { type FoundMessage, getExplained } from './found.ts';
import { type HtmlMail, type Mail, type MailToPeople, mailToPeople, withBothBodies } from './mail.ts';
import { type AdminHandler, type AdminMountOptions, mountAdmin } from './mount.ts';
import type { App } from './open.ts';
import type { PreparedMail } from './prepared-mail.ts';
import { processUser } from './process-user.ts';
import { checkId, chosen, type FindOptions, filterOf, type MessageFilter, pageOf, type Which } from './selection.ts';
import { countKept, type Submission, type SubmitAllOptions, type SubmitResult, submitEach } from './submit-all.ts';
import type { SubmitOptions } from './submit-options.ts';
import { Submitter } from './submitter.ts';
import { entryOf, type NewSuppression, targetsOf } from './suppressing.ts';
import type { WaitOptions } from './wait.ts';
import { Watched } from './watchers.ts';
import { type WorkOptions, withOptions } from './work-options.ts';

/** Deliveries in one question to the store. */
const PAGE = 200;
/** Deliveries in a page, where nobody says how many. */
const LIST = 50;
/** Whoever names a message means it. */
const RETRIED_BY_ID: readonly State[] = ['queued', 'captured', 'bounced', 'cancelled'];

/** An open queue, as `openQueue` gives it: an application submits through it, looks into it, changes it and may deliver by it. */
export class MailQueue extends Watched {
  readonly #app: App;
  readonly #intake: IntakeContext;
  readonly #log: Log;
  readonly #submitter: Submitter;
  readonly #operator: Operator;
  #working: Promise<{ stop(): Promise<void> }> | undefined;
  #closing: Promise<void> | undefined;

  /** @internal `openQueue` makes one. */
  constructor(app: App, intake: IntakeContext, log: Log, version: string) {
    super({ store: app.store, clock: systemClock, log });
    this.#app = app;
    this.#intake = intake;
    this.#log = log;
    this.#operator = app.operator({ name: processUser(), role: 'library', from: null });
    this.#submitter = new Submitter(app, intake, version, () => this.#checkOpen());
  }

  /**
   * Renders the message and resolves when it is durable, in about a millisecond; relays come later. With `transaction` it is durable when
   * the application commits that. Throws NO_RECIPIENTS,
   * TOO_MANY_RECIPIENTS, ADDRESS_INVALID, MESSAGE_TOO_LARGE, MESSAGE_REFUSED, KEY_CONFLICT, OPTION_INVALID, RETRY_INVALID,
   * TRANSACTION_UNKNOWN, TRANSACTION_NOT_OPEN, TRANSACTION_ELSEWHERE, STORE_UNAVAILABLE (try again; nothing was kept, but for an error that is `inDoubt`, where only a `key` sees to it that it is kept once), STOPPED, and what Nodemailer throws for contents that it cannot read.
   */
  submit(mail: Mail, options: SubmitOptions = {}): Promise<QueuedInfo> {
    return this.#submitter.submit(mail, options);
  }

  /**
   * Renders and checks a message now, for a transaction of the application's that comes later: `await prepared.submit(tx)`, or
   * `prepared.submitSync(db)` inside a synchronous one. A large content waits in the store for an hour. Throws as `submit` does.
   */
  prepare(mail: Mail, options: Omit<SubmitOptions, 'transaction'> = {}): Promise<PreparedMail> {
    return this.#submitter.prepare(mail, options);
  }

  /**
   * Many messages, each alone or as `[mail, options]`, with bounded memory for their contents. Answers with one result for each in
   * order; one that fails, fails alone. Throws OPTION_INVALID and RETRY_INVALID for the options of all, and what the source throws.
   */
  submitAll(
    mails: Iterable<Submission> | AsyncIterable<Submission>,
    options: SubmitAllOptions = {},
  ): Promise<SubmitResult[]> {
    return Array.fromAsync(this.submitEach(mails, options));
  }

  /** The same for more results than fit into memory: nothing is read before the first result is asked for, nor beyond `batchSize`. */
  submitEach(
    mails: Iterable<Submission> | AsyncIterable<Submission>,
    options: SubmitAllOptions = {},
  ): AsyncGenerator<SubmitResult, void> {
    return submitEach((mail, asked) => this.submit(mail, asked), mails, options);
  }

  /** `submit` under the name that Nodemailer and Django have for it. */
  sendMail(mail: Mail, options: SubmitOptions = {}): Promise<QueuedInfo> {
    return this.submit(mail, options);
  }

  /** A message with its text, and the same as HTML for those who read that. Throws OPTION_INVALID where one is missing, and as `submit`. */
  async sendHtmlMail(mail: HtmlMail, options: SubmitOptions = {}): Promise<QueuedInfo> {
    return this.submit(withBothBodies(mail), options);
  }

  /**
   * Many messages with the same options. Answers with how many were kept, when all were. Throws SOME_NOT_KEPT otherwise, with an
   * AggregateError as its `cause`; what could be kept is.
   */
  sendMassMail(mails: Iterable<Mail> | AsyncIterable<Mail>, options: SubmitAllOptions = {}): Promise<number> {
    return countKept(this.submitEach(mails, options));
  }

  /** To the `admins` of the settings, from `serverEmail`, with `subjectPrefix`. Throws NO_RECIPIENTS where there are none, and as `submit`. */
  async mailAdmins(mail: MailToPeople, options: SubmitOptions = {}): Promise<QueuedInfo> {
    return this.submit(mailToPeople('admins', mail, this.#app.config), options);
  }

  /** The same to the `managers` of the settings. */
  async mailManagers(mail: MailToPeople, options: SubmitOptions = {}): Promise<QueuedInfo> {
    return this.submit(mailToPeople('managers', mail, this.#app.config), options);
  }

  /**
   * For `nodemailer.createTransport(queue.transport())`: existing code stays as it is, and its messages are kept before they are sent. A message
   * may carry `SubmitOptions` as `posthaste: { priority: 'high' }`.
   */
  transport(): Transport<QueuedInfo> {
    return this.#submitter.transport();
  }

  /**
   * Nodemailer reads it of whatever has no `send`, and would dial 127.0.0.1:587 past the queue.
   * @internal
   */
  get url(): never {
    const text = 'A queue is no transport: write nodemailer.createTransport(queue.transport()).';
    throw new PosthasteError('OPTION_INVALID', text);
  }

  /** null when there is no such message, or it has been purged. Throws FILTER_INVALID for what is no text. */
  async get(id: Id): Promise<FoundMessage | null> {
    this.#checkOpen();
    checkId(id);
    return getExplained(this.#app, id);
  }

  /**
   * Resolves when every delivery of the message has ended, whichever process brings it there, or is in one of `states`. Throws NOT_FOUND,
   * WAIT_TIMEOUT, which says why it is not there yet, the reason of `signal`, and STOPPED when the queue is closed meanwhile.
   */
  async waitFor(id: Id, options: WaitOptions = {}): Promise<FoundMessage> {
    this.#checkOpen();
    checkId(id);
    await this.waitUntil(id, options, async (states) => {
      const { deliveries = [] } = (await this.get(id)) ?? {};
      return deliveries.find(({ state }) => !states.includes(state))?.why;
    });
    const found = await this.get(id);
    if (found === null) throw new PosthasteError('NOT_FOUND', `There is no message ${id}, or it has been purged.`);
    return found;
  }

  /** One entry for each recipient, newest message first; reads on as far as it is asked to. Throws FILTER_INVALID. */
  async *find(filter: MessageFilter = {}, options: FindOptions = {}): AsyncGenerator<Listed, void> {
    this.#checkOpen();
    const checked = filterOf(filter);
    const asked = pageOf(options, Number.POSITIVE_INFINITY);
    for (let { limit: left, cursor } = asked; left > 0; ) {
      const limit = Math.min(PAGE, left);
      const page = await this.#app.queue.find(checked, { ...asked, limit, ...(cursor !== undefined && { cursor }) });
      yield* page.rows;
      if (page.cursor === null) return;
      cursor = page.cursor;
      left -= page.rows.length;
    }
  }

  /** The same page by page, for lists that people look at: the `cursor` of one is given for the next; null: there is none. Throws FILTER_INVALID. */
  async page(filter: MessageFilter = {}, options: FindOptions = {}): Promise<Page> {
    this.#checkOpen();
    return this.#app.queue.find(filterOf(filter), pageOf(options, LIST));
  }

  /** Deliveries of a message, of several, or that a filter names. Throws FILTER_INVALID. */
  async count(which: Which = { all: true }): Promise<number> {
    this.#checkOpen();
    return this.#app.store.count(chosen(which));
  }

  /** queued -> held. Returns how many deliveries. Throws FILTER_INVALID, as all of these do. */
  async hold(which: Which): Promise<number> {
    this.#checkOpen();
    return this.#operator.hold(chosen(which));
  }

  /** held -> queued, due at once. */
  async release(which: Which): Promise<number> {
    this.#checkOpen();
    return this.#operator.release(chosen(which));
  }

  /** Due at once: what waits for its next attempt, and what has ended but for sent, where ids or the states of a filter name it. */
  async retry(which: Which): Promise<number> {
    this.#checkOpen();
    const byId = typeof which === 'string' || Array.isArray(which);
    return this.#operator.retry({ ...(byId && { states: RETRIED_BY_ID }), ...chosen(which) });
  }

  /** queued or held -> cancelled. */
  async cancel(which: Which): Promise<number> {
    this.#checkOpen();
    return this.#operator.cancel(chosen(which));
  }

  /**
   * Nothing is sent to these addresses and domains from now on, whichever way mail for them comes; an entry that is there is replaced.
   * Throws SUPPRESSION_INVALID and OPTION_INVALID, and then keeps none.
   */
  async suppress(entries: NewSuppression | readonly NewSuppression[]): Promise<void> {
    this.#checkOpen();
    const all = (Array.isArray(entries) ? entries : [entries]) as readonly NewSuppression[];
    await this.#operator.suppress(all.map(entryOf));
  }

  /** Takes addresses and `@domains` out of the list. Returns how many were in it. */
  async unsuppress(targets: string | readonly string[]): Promise<number> {
    this.#checkOpen();
    return this.#operator.unsuppress(targetsOf(targets));
  }

  /** What keeps mail from this address now, the entry for it or for its domain; null: nothing does. */
  async suppression(address: string): Promise<Suppression | null> {
    this.#checkOpen();
    return this.#app.queue.suppression(targetsOf([address])[0] as string);
  }

  /** In the order of their targets, also those whose `until` is over; reads on as far as it is asked to. */
  async *suppressions(): AsyncGenerator<Suppression, void> {
    this.#checkOpen();
    yield* this.#app.queue.suppressions();
  }

  /**
   * The pages and the API as a handler of requests, to be mounted into an application: everybody whom `authorize` lets through. Throws
   * OPTION_INVALID.
   */
  admin(options: AdminMountOptions): AdminHandler {
    this.#checkOpen();
    return mountAdmin(this.#app, this.#log, this.#submitter, options);
  }

  /**
   * Delivers in this process until `close`, as `posthaste work` does beside it: by the relays of the settings. Resolves when it has
   * begun; further calls change nothing. Throws OPTION_INVALID.
   */
  async work(options: WorkOptions = {}): Promise<void> {
    this.#checkOpen();
    const working = this.#working ?? this.#startWork(options);
    this.#working = working;
    try {
      await working;
    } catch (error) {
      // A start that failed may be tried again.
      if (this.#working === working) this.#working = undefined;
      throw error;
    }
  }

  async #startWork(options: WorkOptions): Promise<{ stop(): Promise<void> }> {
    const app = { ...this.#app, config: withOptions(this.#app.config, options) };
    const { startDelivery } = await import('./delivery.ts');
    return startDelivery(app, 'library', this.#log, this.#intake.signer);
  }

  /**
   * Tries everything that is due once, as `posthaste work --once` does. Resolves with what became of the messages that were tried: `ended`
   * are those that bounced or are held. What others work on at the time is left to them. Throws OPTION_INVALID.
   */
  async workOnce(options: WorkOptions = {}): Promise<Tally> {
    this.#checkOpen();
    const app = { ...this.#app, config: withOptions(this.#app.config, options) };
    const { deliverOnce } = await import('./delivery.ts');
    return deliverOnce(app, `${ONCE}, library`, this.#log, this.#intake.signer);
  }

  /**
   * Waits some seconds for what is being submitted, ends attempts in order (those that a relay leaves without an answer after some seconds, as in doubt) and
   * closes the database. May come twice.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#submitter.end();
    // A start that failed was told to whoever asked for it.
    const working = await this.#working?.catch(() => undefined);
    await working?.stop();
    await this.stopWatching();
    await this.#app.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return;
    throw new PosthasteError('STOPPED', 'The queue is closed: open it again before you use it.');
  }
}
