/** What the sample mail looks like: HTML as shops send it, and attachments made of nothing. */
const STYLE = {
  body: 'margin:0;padding:24px;background:#f4f1ea;font-family:Georgia,serif;color:#2b2b2b',
  card: 'max-width:560px;margin:auto;background:#ffffff;border-radius:8px;padding:28px',
  head: 'font-size:22px;margin:0 0 16px;color:#1d4d4f',
  button:
    'display:inline-block;padding:10px 18px;background:#1d4d4f;color:#ffffff;border-radius:6px;text-decoration:none',
  foot: 'font-size:12px;color:#6b6b6b;margin-top:28px',
};

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

export interface Letter {
  readonly title: string;
  readonly paragraphs: readonly string[];
  readonly button?: string;
  /** Rows of a bill: what, and for how much. */
  readonly bill?: readonly (readonly [string, string])[];
  readonly language?: string;
}

/** The same letter as text and as HTML. */
export function written({ title, paragraphs, button, bill = [], language = 'en' }: Letter): {
  text: string;
  html: string;
} {
  const lines = bill.map(([what, price]) => `  ${what.padEnd(36)} ${price.padStart(9)}`);
  const link = `https://lindenhof.example/go`;
  const text = [
    ...paragraphs,
    ...(lines.length > 0 ? [lines.join('\n')] : []),
    ...(button ? [`${button}: ${link}`] : []),
  ];
  const rows = bill.map(
    ([what, price]) =>
      `<tr><td style="padding:6px 0;border-bottom:1px solid #ece8df">${escaped(what)}</td><td align="right" style="border-bottom:1px solid #ece8df">${escaped(price)}</td></tr>`,
  );
  const html = [
    ...paragraphs.map((paragraph) => `<p style="line-height:1.55">${escaped(paragraph)}</p>`),
    ...(rows.length > 0 ? [`<table width="100%" style="border-collapse:collapse">${rows.join('')}</table>`] : []),
    ...(button ? [`<p><a style="${STYLE.button}" href="${link}">${escaped(button)}</a></p>`] : []),
  ];
  return {
    text: `${text.join('\n\n')}\n\n-- \nLindenhof Books, 12 Linden Street\n`,
    html:
      `<!doctype html><html lang="${language}" dir="${language === 'ar' ? 'rtl' : 'ltr'}"><body style="${STYLE.body}"><div style="${STYLE.card}">` +
      `<h1 style="${STYLE.head}">${escaped(title)}</h1>${html.join('')}` +
      `<p style="${STYLE.foot}">Lindenhof Books, 12 Linden Street</p></div></body></html>`,
  };
}

export interface Attachment {
  readonly filename: string;
  readonly contentType: string;
  /** Base64. */
  readonly content: string;
}

function attachment(filename: string, contentType: string, content: string): Attachment {
  return { filename, contentType, content: Buffer.from(content).toString('base64') };
}

/** One page with one line, as PDF 1.4 wants it. */
export function pdf(filename: string, line: string): Attachment {
  const drawn = `BT /F1 18 Tf 72 760 Td (${line.replaceAll(/[()\\]/g, '')}) Tj ET`;
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
    `<< /Length ${drawn.length} >>\nstream\n${drawn}\nendstream`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ];
  let file = '%PDF-1.4\n';
  const places = objects.map((object, i) => {
    const at = file.length;
    file += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(at).padStart(10, '0')} 00000 n \n`;
  });
  const table = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${places.join('')}`;
  const end = `trailer << /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${file.length}\n%%EOF\n`;
  return attachment(filename, 'application/pdf', file + table + end);
}

/** A table of sales with that many rows. */
export function csv(filename: string, rows: number): Attachment {
  const lines = Array.from(
    { length: rows },
    (_, i) => `2026-${(i % 12) + 1},978-0-00-${100_000 + i},${(i * 37) % 90}.50`,
  );
  return attachment(filename, 'text/csv', `month,isbn,euro\r\n${lines.join('\r\n')}\r\n`);
}

export function invitation(filename: string, summary: string): Attachment {
  const lines = [
    ...[
      'BEGIN:VCALENDAR',
      'VERSION:2.0',
      'PRODID:-//Lindenhof Books//EN',
      'BEGIN:VEVENT',
      'UID:reading@lindenhof.example',
    ],
    ...[
      'DTSTAMP:20261101T090000Z',
      'DTSTART:20261218T180000Z',
      `SUMMARY:${summary}`,
      'END:VEVENT',
      'END:VCALENDAR',
      '',
    ],
  ];
  return attachment(filename, 'text/calendar', lines.join('\r\n'));
}
