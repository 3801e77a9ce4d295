import type { Attachment } from 'postal-mime';
import { expect, test } from 'vitest';
import { withInlineImages } from './content.ts';

function attached(part: Partial<Attachment>): Attachment {
  return { filename: null, mimeType: 'image/png', disposition: 'inline', content: new Uint8Array(3), ...part };
}

test('an inline image stands in the HTML by its content id, also where that is escaped, and beside a large file', () => {
  const attachments = [
    attached({ mimeType: 'application/pdf', content: new Uint8Array(6_000_000) }),
    attached({ contentId: '<a b@x>' }),
  ];
  const html = withInlineImages('<img src="cid:a%20b@x"><img src="cid:other">', attachments);
  expect(html).toBe('<img src="data:image/png;base64,AAAA"><img src="cid:other">');
});

test('an image that is shown a million times does not fill the memory', () => {
  const attachments = [attached({ contentId: '<i>', content: new Uint8Array(3_000_000) })];
  const html = withInlineImages('<img src=cid:i>'.repeat(100_000), attachments);
  expect(html.length).toBeLessThan(25_000_000);
  expect(html).toContain('data:image/png');
  expect(html.endsWith('<img src=cid:i>')).toBe(true);
});
