/** The sample mail: what a bookshop sends in a day, to recipients for whom it ends in every way it can. */
import { type Attachment, csv, invitation, type Letter, pdf, written } from './layout.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

/** A message as the HTTP API takes it. */
export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html?: string;
  readonly attachments?: readonly Attachment[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** A sample: the mail, and whether somebody cancels it right away. */
export interface Sample extends Mail {
  readonly cancel?: true;
}

type Rest = Partial<Omit<Letter, 'title' | 'paragraphs'>> & {
  readonly attachments?: readonly Attachment[];
  readonly options?: Mail['options'];
  readonly cancel?: true;
};

const SENDERS = {
  orders: 'Lindenhof Books <orders@lindenhof.example>',
  accounts: 'Lindenhof accounts <accounts@lindenhof.example>',
  news: 'The Lindenhof Letter <news@lindenhof.example>',
  billing: 'Lindenhof billing <billing@lindenhof.example>',
  events: 'Readings at Lindenhof <events@lindenhof.example>',
};

/** With an HTML part. `to` has commas between recipients. */
function letter(
  sender: keyof typeof SENDERS,
  to: string,
  subject: string,
  paragraphs: readonly string[],
  rest: Rest = {},
): Sample {
  const { attachments, options, cancel, ...look } = rest;
  return {
    from: SENDERS[sender],
    to: to.split(', '),
    subject,
    ...written({ title: subject, paragraphs, ...look }),
    ...(attachments !== undefined && { attachments }),
    options: { tags: [sender], ...options },
    ...(cancel !== undefined && { cancel }),
  };
}

/** Text alone, as programs write. */
function note(from: string, to: string, subject: string, text: string, options: Mail['options'] = {}): Sample {
  return { from, to: to.split(', '), subject, text: `${text}\n`, options };
}

const tagged = (sender: string, relay: string, more: Mail['options'] = {}) => ({
  options: { tags: [sender], relay, ...more },
});

/** The first minute: every state that there is. `now` in ms. */
export function opening(now: number): readonly Sample[] {
  return [
    letter(
      'orders',
      'ann.meyer@example.com',
      'Your order 48213 is on its way',
      ['Dear Ann,', 'your parcel left us this morning.'],
      {
        bill: [
          ['The Left Hand of Darkness', '14.00 EUR'],
          ['A Field Guide to Getting Lost', '18.50 EUR'],
          ['Postage', '3.90 EUR'],
        ],
        button: 'Follow the parcel',
        attachments: [pdf('invoice-48213.pdf', 'Invoice 48213, 36.40 EUR')],
      },
    ),
    letter(
      'accounts',
      'ravi.patel@greylist.example',
      'Set a new password',
      ['Somebody, hopefully you, asked for a new password.', 'The link is good for one hour.'],
      {
        button: 'Set a new password',
        options: { tags: ['accounts', 'password'], priority: 'high', expiresAt: now + HOUR },
      },
    ),
    letter(
      'accounts',
      'nobody@example.net',
      'Please confirm your address',
      ['Welcome! One click, and your account is open.'],
      {
        button: 'Confirm',
      },
    ),
    letter(
      'orders',
      'full@example.org',
      'Ihre Rechnung 48207',
      ['Sehr geehrte Frau Österreicher,', 'anbei die Rechnung zu Ihrer Bestellung. Schöne Grüße aus der Lindenstraße!'],
      {
        language: 'de',
        attachments: [pdf('Rechnung-48207.pdf', 'Rechnung 48207, 22,00 EUR')],
      },
    ),
    letter(
      'news',
      'strict@example.net, jo@example.com, kim@slow.example',
      'Ten books for long evenings 📚🕯️',
      ['It is dark at five, so here is what we read.', 'Free postage until Sunday.'],
      {
        button: 'To the list',
        options: { tags: ['news'], priority: 'low' },
      },
    ),
    letter(
      'events',
      'haruka@slow.example',
      '朗読会のご案内',
      ['はるか様', '十二月十八日の夜、当店にて朗読会を開きます。お席をご用意してお待ちしております。'],
      {
        language: 'ja',
        attachments: [invitation('reading.ics', 'Reading at Lindenhof')],
      },
    ),
    letter(
      'events',
      'layla@example.com',
      'دعوة إلى أمسية قراءة',
      ['مرحبا ليلى،', 'يسعدنا أن ندعوك إلى أمسية القراءة في مكتبتنا.'],
      { language: 'ar' },
    ),
    letter(
      'billing',
      'books@publisher.example',
      'Payment of 1,240.00 EUR',
      ['Please find the payment advice attached.'],
      {
        ...tagged('billing', 'locked'),
        attachments: [pdf('advice.pdf', 'Payment advice, 1240.00 EUR')],
      },
    ),
    letter(
      'billing',
      'tax@office.example',
      'Relevé du mois de novembre',
      ['Bonjour,', 'veuillez trouver ci-joint le relevé. À bientôt.'],
      {
        ...tagged('billing', 'plain'),
        language: 'fr',
      },
    ),
    note('cron@shop.lindenhof.example', 'admin@lindenhof.example', 'backup: 14 files, 2.1 GB', 'Done in 00:03:12.', {
      relay: 'down',
      tags: ['cron'],
    }),
    note('cron@shop.lindenhof.example', 'admin@lindenhof.example', 'disk /var is 91 % full', 'Look at /var/log.', {
      ...{ relay: 'down', tags: ['cron', 'alarm'], priority: 'high', expiresAt: now + 10 * SECOND },
    }),
    letter(
      'orders',
      'zofia@partner.example',
      'Zamówienie 48215: dziękujemy',
      ['Cześć Zofia,', 'książka czeka na Ciebie w księgarni. Źdźbło cierpliwości!'],
      {
        ...tagged('orders', 'hangs-up'),
        language: 'pl',
      },
    ),
    letter(
      'orders',
      'tom@partner.example',
      'Your order 48216 can be collected',
      ['Dear Tom,', 'it lies at the counter.'],
      tagged('orders', 'hangs-up'),
    ),
    letter(
      'orders',
      'lea@partner.example',
      'Your order 48217 can be collected',
      ['Dear Léa,', 'it lies at the counter.'],
      tagged('orders', 'hangs-up'),
    ),
    ...['ben', 'carla', 'dmitri', 'elif', 'farid', 'grace'].map((name) =>
      letter(
        'news',
        `${name}@readers.example`,
        'Ten books for long evenings 📚🕯️',
        ['It is dark at five, so here is what we read.'],
        tagged('news', 'busy', { priority: 'low' }),
      ),
    ),
    letter('billing', 'accounting@example.com', 'Sales of the year, all of them', ['As you asked: every line.'], {
      attachments: [csv('sales.csv', 4_000)],
    }),
    letter(
      'news',
      'unsubscribed@example.com, mia@example.com',
      'Ten books for long evenings 📚🕯️',
      ['It is dark at five, so here is what we read.'],
      {
        options: { tags: ['news'], priority: 'low' },
      },
    ),
    letter(
      'orders',
      'vip@example.com',
      'A word about your order 48199',
      ['Please let me read this before it goes out. (Held by the shop.)'],
      { options: { held: true, tags: ['orders', 'review'] } },
    ),
    letter('events', 'all@readers.example', 'Tomorrow: doors open at seven', ['See you tomorrow!'], {
      options: { sendAt: now + 20 * HOUR, tags: ['events'] },
    }),
    letter('news', 'old.list@readers.example', 'Last chance!!!', ['Sent to the wrong list, and cancelled in time.'], {
      options: { sendAt: now + HOUR, tags: ['news'] },
      cancel: true,
    }),
    letter(
      'orders',
      'tester@example.com',
      'Test: order confirmation, new layout',
      ['Does the table look right in dark mode?'],
      {
        ...tagged('orders', 'sandbox'),
        bill: [
          ['Middlemarch', '11.00 EUR'],
          ['Gift wrapping', '2.00 EUR'],
        ],
      },
    ),
    letter(
      'accounts',
      'tester@example.com',
      'Test: welcome',
      ['Welcome, {{ name }}! Oh dear.'],
      tagged('accounts', 'sandbox'),
    ),
    note(
      'monitor@shop.lindenhof.example',
      'poison@example.net',
      'Heartbeat',
      'The relay hangs up at this recipient, and at no other.',
      { tags: ['monitor'] },
    ),
  ];
}

const NAMES = ['ana', 'björn', 'chen', 'dora', 'emeka', 'fatima', 'goran', 'hina', 'ivan', 'june', 'kofi', 'lucia'];
/** Most mail has no adventures. */
const PLACES = ['example.com', 'example.org', 'readers.example', 'example.net', 'greylist.example', 'slow.example'];

/** The `n`th message (from 0) of the stream that follows. */
export function next(n: number): Sample {
  const name = NAMES[n % NAMES.length] as string;
  const to = `${name === 'björn' ? 'bjoern' : name}@${PLACES[n % PLACES.length]}`;
  const order = 48_220 + n;
  const kinds: readonly (() => Sample)[] = [
    () =>
      letter(
        'orders',
        to,
        `Your order ${order} has arrived with us`,
        [`Dear ${name},`, 'thank you! We send it today.'],
        { bill: [['Books', '23.00 EUR']], attachments: [pdf(`invoice-${order}.pdf`, `Invoice ${order}`)] },
      ),
    () =>
      letter(
        'accounts',
        to,
        `Your code is ${100_000 + ((n * 7_919) % 900_000)}`,
        ['Type it where you were asked for it.'],
        { options: { tags: ['accounts', 'password'], priority: 'high' } },
      ),
    () =>
      letter(
        'orders',
        `${name}@partner.example`,
        `Your order ${order} can be collected`,
        ['It lies at the counter.'],
        tagged('orders', 'hangs-up'),
      ),
    () =>
      letter('news', to, 'New this week: maps, moss and a murder 🌿', ['Three books, and a walk.'], {
        button: 'Read on',
        ...tagged('news', 'busy', { priority: 'low' }),
      }),
    () =>
      note(
        'cron@shop.lindenhof.example',
        'admin@lindenhof.example',
        `nightly import ${n}`,
        `${n * 12} titles, no errors.`,
        { tags: ['cron'] },
      ),
    () =>
      letter(
        'accounts',
        n % 2 === 0 ? `nobody@${PLACES[n % 4]}` : `full@${PLACES[n % 4]}`,
        'Please confirm your address',
        ['One click, and your account is open.'],
        { button: 'Confirm' },
      ),
    () =>
      letter(
        'orders',
        'tester@example.com',
        `Test: layout ${n}`,
        ['A letter that stays here.'],
        tagged('orders', 'sandbox'),
      ),
    () =>
      letter(
        'billing',
        'books@publisher.example',
        `Payment ${order}`,
        ['The advice is attached.'],
        tagged('billing', n % 3 === 0 ? 'plain' : 'locked'),
      ),
  ];
  return (kinds[n % kinds.length] as () => Sample)();
}
