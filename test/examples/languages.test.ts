/** The programs of docs/examples/ in other languages, each as its page shows it, and the server beside them. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Sandbox } from '../sendmail/sandbox.ts';
import { serve } from '../support/posthaste.ts';
import { installed, works } from '../support/smtp-sink.ts';
import { filesOf } from './pages.ts';

const PYTHON = '/usr/bin/python3';
const PHPMAILER = '/usr/share/php/libphp-phpmailer/autoload.php';

/** The files of a page in the folder of the sandbox, with places that exist here. */
function unpack(box: Sandbox, page: string, places: Readonly<Record<string, string>> = {}): void {
  const files = filesOf(`docs/examples/${page}`);
  expect(files.length).toBeGreaterThan(0);
  for (const { path, text } of files) {
    mkdirSync(dirname(join(box.path, path)), { recursive: true });
    const placed = Object.entries(places).reduce((all, [from, to]) => all.replaceAll(from, to), text);
    writeFileSync(join(box.path, path), placed);
  }
}

/** A server for the queue of the sandbox while `work` lasts; the port of the pages is its port. */
async function served(page: string, work: (box: Sandbox) => Promise<void>): Promise<void> {
  using box = new Sandbox();
  mkdirSync(box.data);
  const server = serve({ dataDir: box.data, environment: { POSTHASTE_HOSTNAME: 'host.example' } });
  try {
    unpack(box, page, { '2525': String((await server.ready()).port) });
    await work(box);
  } finally {
    await server.stop();
  }
}

const hasDjango = works('Django', PYTHON, '-c', 'import django');
describe.skipIf(!hasDjango)('the example for Django', () => {
  test('sends text and HTML to all its recipients', () =>
    served('django.md', async (box) => {
      const ran = await box.run(PYTHON, ['welcome.py']);
      expect(ran.code, ran.stderr).toBe(0);
      const { message, recipients, content } = await box.only();
      expect(message).toMatchObject({ sender: 'shop@example.com', subject: 'Grüße' });
      expect(recipients).toEqual(['bob@example.org', 'log@example.com']);
      expect(content).toContain('multipart/alternative');
    }));
});

describe.skipIf(!installed('php'))('the example for PHP', () => {
  test('sends by mail() with the program of its php.ini', async () => {
    using box = new Sandbox();
    unpack(box, 'php.md', { '/usr/local/sbin/sendmail': box.program });
    const ran = await box.run('php', ['-n', '-c', join(box.path, 'php.ini'), 'mail.php']);
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    const { message, recipients } = await box.only();
    expect(message).toMatchObject({ sender: 'bounces@example.com', subject: 'Welcome' });
    expect(recipients).toEqual(['bob@example.org']);
  });

  const hasMailer = works('PHPMailer', 'php', '-r', `exit(file_exists('${PHPMAILER}') ? 0 : 1);`);
  test.skipIf(!hasMailer)('sends by SMTP with PHPMailer', () =>
    served('php.md', async (box) => {
      mkdirSync(join(box.path, 'PHPMailer'));
      writeFileSync(join(box.path, 'PHPMailer', 'autoload.php'), `<?php require '${PHPMAILER}';`);
      const ran = await box.run('php', ['phpmailer.php']);
      expect(ran.code, ran.stdout + ran.stderr).toBe(0);
      const { message, recipients } = await box.only();
      expect(message).toMatchObject({ sender: 'shop@example.com', subject: 'Grüße' });
      expect(recipients).toEqual(['bob@example.org']);
    }),
  );
});

const hasRails = works('Action Mailer', 'ruby', '-e', 'require "action_mailer"');
describe.skipIf(!hasRails)('the example for Rails', () => {
  // As much of Rails as reads the settings of its mailer.
  const rails = `
    require "action_mailer"
    require "active_support/ordered_options"
    module Rails
      def self.application = self
      def self.config = @config ||= Struct.new(:action_mailer).new(ActionMailer::Base.config)
      def self.configure(&block) = instance_eval(&block)
    end
    load "config/environments/production.rb"
    settings = Rails.config.action_mailer
    ActionMailer::Base.delivery_method = settings.delivery_method
    ActionMailer::Base.smtp_settings = settings.smtp_settings
    ActionMailer::Base.raise_delivery_errors = settings.raise_delivery_errors
    load "app/mailers/signup_mailer.rb"
    SignupMailer.welcome("bob@example.org").deliver_now
  `;

  test('sends by SMTP', () =>
    served('rails.md', async (box) => {
      const ran = await box.run('ruby', ['-e', rails], { environment: { LC_ALL: 'C.UTF-8' } });
      expect(ran.code, ran.stderr).toBe(0);
      const { message, recipients } = await box.only();
      expect(message).toMatchObject({ sender: 'shop@example.com', subject: 'Grüße' });
      expect(recipients).toEqual(['bob@example.org', 'log@example.com']);
    }));
});

// 300 MB for one program: where it is not installed, CI does not install it.
const hasGo = spawnSync('go', ['version']).status === 0;
if (!hasGo) console.warn('\n*** SKIPPED: go is not installed, its example does not run ***\n');
describe.skipIf(!hasGo)('the example for Go', () => {
  test('sends by SMTP', { timeout: 180_000 }, () =>
    served('go.md', async (box) => {
      const home = { HOME: box.path, GOCACHE: join(box.path, 'cache'), GOFLAGS: '-mod=mod', GO111MODULE: 'off' };
      const ran = await box.run('go', ['run', 'main.go'], { environment: home });
      expect(ran.code, ran.stderr).toBe(0);
      const { message, recipients } = await box.only();
      expect(message).toMatchObject({ sender: 'bounces@example.com', subject: 'Welcome' });
      expect(recipients).toEqual(['bob@example.org', 'log@example.com']);
    }),
  );
});

describe('the example for cron', () => {
  test('mails the output of a job that fails, ends as it did, and is silent about one that does not', async () => {
    using box = new Sandbox();
    unpack(box, 'cron.md', { '| sendmail': `| ${box.program}` });
    chmodSync(join(box.path, 'mail-failure'), 0o755);
    const good = await box.run('./mail-failure', ['sh', '-c', 'echo fine']);
    expect(good).toEqual({ code: 0, stdout: '', stderr: '' });
    const bad = await box.run('./mail-failure', ['sh', '-c', 'echo "disk is full" >&2; exit 3']);
    expect(bad).toEqual({ code: 3, stdout: '', stderr: '' });
    const { message, recipients, content } = await box.only();
    expect(message.subject).toBe('sh failed with 3');
    expect(recipients).toEqual(['admin@example.com']);
    expect(content).toMatch(/\n\ndisk is full\n$/);
  });

  test('names commands of posthaste that there are', async () => {
    const [crontab] = filesOf('docs/examples/cron.md').map(({ text }) => text);
    const { buildProgram } = await import('../../src/cli/commands.ts');
    const { Cli } = await import('../../src/cli/context.ts');
    const { program } = await import('../../src/cli/program.ts');
    const commands = buildProgram(new Cli(program)).commands.map((command) => command.name());
    const used = Array.from((crontab ?? '').matchAll(/posthaste (\S+)/g), ([, name]) => name);
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((name) => !commands.includes(name ?? ''))).toEqual([]);
  });
});
