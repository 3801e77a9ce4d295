/** The server's side of one SMTP session without any I/O: bytes go in, events and replies come out (RFC 5321). */
import { encodeReply, type Reply } from '../../mail/reply.ts';
import { protocolOf } from '../received.ts';
import * as refuse from '../rejections.ts';
import { isRejection, type Rejection } from '../rejections.ts';
import { isMechanism, LoginExchange } from './auth.ts';
import { type BdatCommand, type CommandLine, parseBdat, parseMail, parseRcpt, splitLine } from './command.ts';
import { ChunkReader, type ContentReader, DataReader } from './content.ts';
import { Outbox, type ServerEvent } from './events.ts';
import { Input, OVERLONG } from './input.ts';
import * as say from './replies.ts';
import type { SessionOptions } from './session-options.ts';
import { OpenTransaction } from './transaction.ts';

/** RFC 5321 4.5.3.1.4 asks for 512 octets; extensions add some hundred, ORCPT alone 500. */
const MAX_COMMAND_LINE = 4096;

/** A browser led here by a page would send mail with the lines of its request (cross-protocol attack). */
const WEB_VERBS: ReadonlySet<string> = new Set('GET POST PUT HEAD DELETE PATCH OPTIONS CONNECT TRACE PRI'.split(' '));

/** `waiting`: stands still until the last event is answered. */
type Mode = 'command' | 'login' | 'content' | 'waiting' | 'closed';

export class ServerSession {
  readonly #options: SessionOptions;
  readonly #input = new Input();
  #mode: Mode = 'command';
  readonly #out = new Outbox();
  #clientName: string | undefined;
  #extended = false;
  #secure = false;
  #loggedIn = false;
  #login: LoginExchange | undefined;
  #transaction: OpenTransaction | undefined;
  #reader: ContentReader | undefined;
  /** What the octets that are being read will get instead of being kept. */
  #unwanted: Rejection | undefined;
  #errors = 0;
  #stopping = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#out.reply(say.greeting(options.hostname));
  }

  receive(bytes: Buffer): void {
    if (this.#mode !== 'closed') this.#input.push(bytes);
  }

  /** The next thing to do; undefined when more octets, or the answer to the last event, must come first. */
  next(): ServerEvent | undefined {
    while (this.#out.isEmpty && this.#advance());
    return this.#out.next();
  }

  /** An event waits for its answer: more octets are of no use now. */
  get isWaiting(): boolean {
    return this.#mode === 'waiting';
  }

  /** A content has begun and not ended. */
  get inContent(): boolean {
    return this.#mode === 'content' || this.#transaction?.inContent === true;
  }

  /** Answers `end`. */
  completed(reply: Reply): void {
    if (this.#mode !== 'waiting') return;
    this.#mode = 'command';
    this.#out.reply(encodeReply(reply));
    if (reply.code < 400) this.#errors = 0;
    else this.#count(reply);
    this.#heedStop();
  }

  /** Answers `login`; undefined: it could not be checked. */
  authenticated(good: boolean | undefined): void {
    if (this.#mode !== 'waiting') return;
    this.#mode = 'command';
    this.#loggedIn = good === true;
    if (this.#loggedIn) this.#out.reply(say.LOGGED_IN);
    else this.#refuse(good === false ? refuse.LOGIN_FAILED : refuse.LOGIN_UNAVAILABLE, 'AUTH');
    this.#heedStop();
  }

  /** Answers `startTls`. The client must begin anew: nothing that was said in plain text holds (RFC 3207 4.2). */
  secured(): void {
    if (this.#mode !== 'waiting') return;
    this.#input.clear();
    this.#secure = true;
    this.#loggedIn = false;
    this.#clientName = undefined;
    this.#mode = 'command';
    this.#heedStop();
  }

  /** Says why and ends the session, whatever is under way. */
  closeWith(reason: Rejection): void {
    if (this.#mode === 'closed') return;
    this.#out.reply(encodeReply(reason));
    this.#close();
  }

  /** Ends the session at once, or behind the content that is under way. */
  stop(): void {
    this.#stopping = true;
    this.#heedStop();
  }

  #heedStop(): void {
    if (this.#stopping && this.#mode !== 'waiting' && !this.inContent) this.closeWith(refuse.SHUTTING_DOWN);
  }

  #close(agreed = false): void {
    this.#reset();
    this.#input.clear();
    this.#mode = 'closed';
    this.#out.add({ kind: 'close', agreed });
  }

  #reset(): void {
    if (this.#transaction?.inContent === true) this.#out.add({ kind: 'abort' });
    this.#transaction = undefined;
  }

  #refuse(reply: Reply, command: string): void {
    this.#out.refuse(reply, command);
    this.#count(reply);
  }

  #count(reply: Reply): void {
    if (reply.code >= 500 && ++this.#errors >= this.#options.maxErrors) this.closeWith(refuse.TOO_MANY_ERRORS);
  }

  /** Goes one step on in what was received; false when that cannot be. */
  #advance(): boolean {
    const reads = this.#mode === 'command' || this.#mode === 'login';
    const advanced = this.#mode === 'content' ? this.#readContent() : reads && this.#readLine();
    // The chunks of BDAT may be over without a content that was whole.
    this.#heedStop();
    return advanced;
  }

  #readLine(): boolean {
    const line = this.#input.line(MAX_COMMAND_LINE);
    if (line === undefined) return false;
    const login = this.#login;
    this.#login = undefined;
    this.#mode = 'command';
    if (line === OVERLONG) this.#refuse(refuse.LINE_TOO_LONG, '');
    else if (login !== undefined) this.#continueLogin(login, login.answer(line));
    else this.#obey(splitLine(line));
    return true;
  }

  #obey(command: CommandLine | undefined): void {
    const { verb, argument } = command ?? { verb: '', argument: '' };
    const result = command === undefined ? refuse.MALFORMED_LINE : this.#handle(verb, argument);
    if (isRejection(result)) this.#refuse(result, `${verb} ${argument}`);
    else this.#out.reply(result);
  }

  /** The reply; '' when it comes later or was given. */
  #handle(verb: string, argument: string): string | Rejection {
    switch (verb) {
      case 'MAIL':
        return this.#mail(argument);
      case 'RCPT':
        return this.#rcpt(argument);
      case 'DATA':
        return this.#data(argument);
      case 'BDAT':
        return this.#bdat(parseBdat(argument));
      case 'EHLO':
      case 'HELO':
        return this.#hello(verb === 'EHLO', argument);
      case 'RSET':
        this.#reset();
        return say.OK;
      case 'NOOP':
        return say.OK;
      case 'QUIT':
        this.#out.reply(say.GOODBYE);
        this.#close(this.#input.isEmpty);
        return '';
      case 'STARTTLS':
        return this.#startTls(argument);
      case 'AUTH':
        return this.#auth(argument);
      case 'VRFY':
        return say.CANNOT_VERIFY;
      case 'HELP':
        return say.help(this.#offersTls, this.#offersLogin);
      default:
        return this.#unknown(verb);
    }
  }

  #unknown(verb: string): string | Rejection {
    if (!WEB_VERBS.has(verb)) return refuse.UNKNOWN_COMMAND;
    this.#out.refuse(refuse.NOT_SMTP, verb);
    this.#close();
    return '';
  }

  #hello(extended: boolean, name: string): string | Rejection {
    if (name === '') return refuse.NAME_REQUIRED;
    this.#reset();
    this.#clientName = name;
    this.#extended = extended;
    const { hostname, maxMessageSize } = this.#options;
    if (!extended) return encodeReply({ code: 250, text: hostname });
    return say.extensions(hostname, maxMessageSize, this.#offersTls, this.#offersLogin);
  }

  get #offersTls(): boolean {
    return this.#options.offerTls && !this.#secure;
  }

  get #offersLogin(): boolean {
    return this.#options.login !== 'none' && (this.#secure || this.#options.local);
  }

  #mail(argument: string): string | Rejection {
    if (this.#clientName === undefined) return refuse.HELLO_FIRST;
    if (this.#transaction !== undefined) return refuse.MAIL_ALREADY;
    if (this.#options.login === 'required' && !this.#loggedIn) return refuse.LOGIN_REQUIRED;
    const mail = parseMail(argument);
    if (isRejection(mail)) return mail;
    const { maxMessageSize } = this.#options;
    if (mail.size > maxMessageSize) return refuse.messageTooLarge(maxMessageSize);
    if (this.#options.storageFull?.() === true) return refuse.STORAGE_FULL;
    this.#transaction = new OpenTransaction(mail);
    return say.SENDER_OK;
  }

  #rcpt(argument: string): string | Rejection {
    const transaction = this.#transaction;
    if (transaction === undefined) return refuse.MAIL_FIRST;
    if (transaction.closed !== undefined) return transaction.closed;
    const recipient = parseRcpt(argument, transaction.smtputf8, this.#options.hostname);
    if (isRejection(recipient)) return recipient;
    return transaction.add(recipient, this.#options.maxRecipients) ? say.RECIPIENT_OK : refuse.TOO_MANY_RECIPIENTS;
  }

  #data(argument: string): string | Rejection {
    if (argument !== '') return refuse.NO_ARGUMENT_ALLOWED;
    const transaction = this.#transaction;
    if (transaction === undefined) return refuse.MAIL_FIRST;
    const fault = transaction.closed ?? transaction.contentFault;
    if (fault !== undefined) return fault;
    this.#begin(transaction);
    this.#read(new DataReader(this.#options.lf));
    return say.SEND_CONTENT;
  }

  /** Its octets follow in any case, and are read even where they are not wanted (RFC 3030 2). */
  #bdat(command: BdatCommand | undefined): string | Rejection {
    if (command === undefined) {
      this.closeWith(refuse.BAD_CHUNK);
      return '';
    }
    const transaction = this.#transaction;
    const fault = transaction === undefined ? refuse.MAIL_FIRST : transaction.contentFault;
    if (fault !== undefined) this.#failChunk(command);
    else if (transaction?.inContent === false) this.#begin(transaction);
    this.#read(new ChunkReader(command), fault);
    return '';
  }

  /** The transaction fails with its chunk (RFC 3030 2): what a client has sent behind it must not go out with this envelope. */
  #failChunk({ last }: BdatCommand): void {
    if (last) this.#transaction = undefined;
    else if (this.#transaction !== undefined) this.#transaction.failed = true;
  }

  #begin(transaction: OpenTransaction): void {
    transaction.inContent = true;
    const protocol = protocolOf(transaction.smtputf8, this.#extended, this.#secure, this.#loggedIn);
    const begun = { envelope: transaction.envelope(), clientName: this.#clientName ?? '', protocol };
    this.#out.add({ kind: 'begin', transaction: begun });
  }

  #read(reader: ContentReader, unwanted?: Rejection): void {
    this.#reader = reader;
    this.#unwanted = unwanted;
    this.#mode = 'content';
  }

  #readContent(): boolean {
    const reader = this.#reader as ContentReader;
    const bytes = reader.read(this.#input);
    if (bytes !== undefined && this.#unwanted === undefined) this.#out.add({ kind: 'chunk', bytes });
    if (!reader.ended) return bytes !== undefined;
    this.#mode = 'command';
    if (this.#unwanted !== undefined) this.#refuse(this.#unwanted, 'BDAT');
    else if (reader instanceof ChunkReader && !reader.last) this.#out.reply(say.CHUNK_OK);
    else this.#end();
    return true;
  }

  #end(): void {
    this.#transaction = undefined;
    this.#mode = 'waiting';
    this.#out.add({ kind: 'end' });
  }

  #startTls(argument: string): string | Rejection {
    if (argument !== '') return refuse.NO_ARGUMENT_ALLOWED;
    if (this.#secure) return refuse.TLS_ALREADY;
    if (!this.#options.offerTls) return refuse.TLS_NOT_OFFERED;
    this.#reset();
    this.#input.clear();
    this.#mode = 'waiting';
    this.#out.add({ kind: 'startTls' });
    return say.BEGIN_TLS;
  }

  #auth(argument: string): string | Rejection {
    if (this.#clientName === undefined) return refuse.HELLO_FIRST;
    if (this.#options.login === 'none') return refuse.LOGIN_NOT_OFFERED;
    if (!this.#offersLogin) return refuse.LOGIN_NEEDS_TLS;
    if (this.#loggedIn) return refuse.LOGIN_ALREADY;
    if (this.#transaction !== undefined) return refuse.MAIL_ALREADY;
    const [name = '', initial] = argument.split(/ +/, 2);
    const mechanism = name.toUpperCase();
    if (!isMechanism(mechanism)) return refuse.UNKNOWN_MECHANISM;
    const login = new LoginExchange(mechanism);
    this.#continueLogin(login, initial === undefined ? login.begin() : login.answer(initial));
    return '';
  }

  #continueLogin(login: LoginExchange, step: ReturnType<LoginExchange['answer']>): void {
    if (isRejection(step)) this.#refuse(step, 'AUTH');
    else if ('challenge' in step) {
      this.#login = login;
      this.#mode = 'login';
      this.#out.reply(say.challenge(step.challenge));
    } else {
      this.#mode = 'waiting';
      this.#out.add({ kind: 'login', ...step });
    }
  }
}
