/** What the demonstration says: what happens, and where to look. */
export interface Facts {
  readonly folder: string;
  readonly listen: string;
  /** As `http://127.0.0.1:8025`. */
  readonly admin: string;
  readonly rows: readonly (readonly [string, string, string])[];
}

export function screen({ folder, listen, admin, rows }: Facts): string {
  const width = Math.max(...rows.map(([, does]) => does.length));
  const relays = rows.map(([name, does, follows]) => `  ${name.padEnd(9)} ${does.padEnd(width)}  ${follows}`);
  return `
A bookshop sends its mail through posthaste. Its relays misbehave; nothing leaves this machine.

  See it         ${admin}/
  List it        npm run -s posthaste -- list --state all --data-dir ${folder}
  Ask why        npm run -s posthaste -- status --data-dir ${folder}
  Send some      SMTP on ${listen}, any sender and recipient
  Read the log   ${folder}/posthaste.log

  Relay     ${'What it does'.padEnd(width)}  What comes of it
${relays.join('\n')}

Recipients to try: nobody@... is unknown, full@... has a full mailbox, strict@... refuses, ...@greylist.example comes
the second time, ...@slow.example takes 15 seconds. unsubscribed@example.com is suppressed.

All states are there within a minute. Ctrl-C ends it and removes everything.
`;
}
