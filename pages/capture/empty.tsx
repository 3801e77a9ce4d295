/** Before the first message: how to send one. And where none is found. */
import { Empty } from '../design/states.tsx';

export function EmptyInbox({ text }: { readonly text: string }) {
  if (text !== '')
    return (
      <Empty icon="search" title="No captured message is like that">
        <p>Nothing has “{text}” in its subject or addresses.</p>
      </Empty>
    );
  return (
    <Empty icon="capture" title="Nothing was captured yet">
      <p>
        Mail for a relay that captures stays here and goes nowhere. Point your program at the listener, port 2525 unless
        it was set, and each message shows here at once.
      </p>
    </Empty>
  );
}
