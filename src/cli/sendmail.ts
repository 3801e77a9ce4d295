/** `posthaste sendmail`, and the program by the name sendmail: takes a message from standard input as sendmail(1) does. */
import { accessSync, constants, fstatSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { Way } from '../app/local-way.ts';
import { openWay, type WayOptions } from '../app/sendmail.ts';
import { showComplaint } from '../config/load.ts';
import { configFilesOf, type ReadOptions, readConfig, SYSTEM_FOLDER } from '../config/read.ts';
import { PosthasteError } from '../errors.ts';
import { printable, type Reply, showReply } from '../mail/reply.ts';
import { isRejection } from '../submission/rejections.ts';
import { readMessage } from '../submission/sendmail/read-message.ts';
import { SERVER_SECRETS } from './context.ts';
import { EXIT, Failure } from './failure.ts';
import type { SendmailLine } from './sendmail-options.ts';
import { breakOffAtSignals } from './sendmail-signals.ts';

/** Resolves when the message is durable. Throws a Failure with an exit code of sysexits(3). */
export async function sendmail(line: SendmailLine): Promise<void> {
  if (line.mode === 'nothing')
    return say(line, 'nothing to do: posthaste tries by itself what waits, and has no aliases');
  const endAsAsked = breakOffAtSignals(process.stdin);
  try {
    await takeMail(line);
  } catch (error) {
    endAsAsked();
    throw failureOf(error);
  } finally {
    // Whoever wrote it may keep it open.
    process.stdin.destroy();
  }
}

async function takeMail(line: SendmailLine): Promise<void> {
  // Node.js would read nothing from it, without an error, and an empty message would go out.
  if (fstatSync(0).isDirectory()) throw new Failure('standard input is a directory', EXIT.system);
  const options = await settingsOfUser();
  const way = await openWay(options);
  try {
    if (line.mode === 'smtp') return await speakSmtp(way);
    const { config, user } = options;
    const who = { user, domain: config.localDomain, everybody: config.localRecipient };
    const message = await readMessage(process.stdin, line, who, config);
    if (isRejection(message)) throw refused(message);
    const { reply, words } = await way.submit(message);
    if (reply.code >= 400) throw refused(reply, words);
    say(line, `${reply.text}; ${words}`);
  } finally {
    await way.close();
  }
}

async function speakSmtp(way: Way): Promise<void> {
  const whole = await way.session(process.stdin, process.stdout);
  if (process.stdin.errored !== null) throw process.stdin.errored;
  if (!whole) throw new Failure('standard input ended in the middle of a message, which was not taken', EXIT.data);
}

function say({ verbose }: SendmailLine, text: string): void {
  if (verbose) process.stderr.write(`posthaste: ${printable(text)}\n`);
}

/** From /etc/posthaste and the environment, never from the working directory, which may be another user's. */
async function settingsOfUser(): Promise<WayOptions> {
  const user = userName();
  const reading: ReadOptions = {
    flags: {},
    environment: process.env,
    cwd: process.cwd(),
    folders: [SYSTEM_FOLDER],
    without: SERVER_SECRETS,
  };
  const [file] = configFilesOf(reading);
  const closed = file !== undefined && !mayRead(file);
  const environment = { ...process.env, POSTHASTE_CONFIG: undefined };
  const result = await readConfig(closed ? { ...reading, environment, folders: [] } : reading);
  if ('complaints' in result) throw new Failure(result.complaints.map(showComplaint).join('\n'), EXIT.config);
  const { config, origins } = result.loaded;
  const named = origins.database !== 'default' || origins.dataDir !== 'default';
  const create = named || process.getuid?.() === 0;
  return { config, user, create, blind: closed ? `${user} may not read ${file}` : null };
}

function mayRead(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch (error) {
    // What is wrong with it otherwise is a complaint.
    return (error as NodeJS.ErrnoException).code !== 'EACCES';
  }
}

/** A container may run us under a number that no name belongs to. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid${process.getuid?.() ?? ''}`;
  }
}

function refused(reply: Reply, words = ''): Failure {
  const why = words === '' ? '' : ` (${words})`;
  return new Failure(`the message is refused: ${showReply(reply)}${why}`, exitCodeFor(reply));
}

/** sysexits(3) for a reply of ours. Too many recipients are so the next time too, where nobody shares them out. */
function exitCodeFor({ code, status = '' }: Reply): number {
  if (status === '4.5.3') return EXIT.unavailable;
  if (/^5\.7\.|^[45]\.7\.1$/.test(status) || code === 530) return EXIT.noPermission;
  if (code < 500) return EXIT.tryAgain;
  return /^5\.(?:1|6)\./.test(status) ? EXIT.data : EXIT.unavailable;
}

function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Failure(message, exitCodeOfError(error), { cause: error });
}

function exitCodeOfError(error: unknown): number {
  if (error instanceof PosthasteError) {
    if (error.code === 'NO_RECIPIENTS') return EXIT.usage;
    if (error.code === 'ADDRESS_INVALID') return EXIT.data;
    return error.code === 'CONFIG_INVALID' ? EXIT.config : EXIT.tryAgain;
  }
  return (error as NodeJS.ErrnoException | null)?.syscall === undefined ? EXIT.software : EXIT.system;
}
