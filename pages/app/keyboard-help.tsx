/** Which key does what. */
import { Button } from '../design/button.tsx';
import { Dialog } from '../design/dialog.tsx';
import { OPERATORS } from '../messages/filter.ts';
import { PAGES } from './routes.tsx';

const ANYWHERE = [['?', 'These keys']] as const;

const LIST = [
  ['/', 'Search'],
  ['j', 'Next'],
  ['k', 'Previous'],
  ['Enter', 'Open'],
  ['x', 'Select'],
  ['J', 'Select on the way down'],
  ['K', 'Select on the way up'],
  ['*', 'Select all that is loaded, or nothing'],
  ['Escape', 'Select nothing'],
] as const;

const ACTS = [
  ['r', 'Retry'],
  ['h', 'Hold'],
  ['u', 'Release'],
  ['#', 'Cancel'],
  ['z', 'Undo'],
] as const;

const MESSAGE = [
  ['j', 'Older'],
  ['k', 'Newer'],
  ['Escape', 'Back to the list'],
] as const;

export function KeyboardHelp({ onClose }: { readonly onClose: () => void }) {
  const pages = PAGES.flatMap(({ title, nav }) => (nav === undefined ? [] : [[`g ${nav.key}`, title] as const]));
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <Section title="Anywhere" keys={[...ANYWHERE, ...pages]} />
      <Section title="In the list of messages" keys={LIST} />
      <Section title="In one message" keys={MESSAGE} />
      <Section title="With what is selected, or where one is" keys={ACTS} />
      <p className="quiet-text">
        In searches {OPERATORS.map((word) => `${word}:`).join(' ')} say where to look; what stands alone is looked for
        in all that is known of a message.
      </p>
      <footer>
        <Button onClick={onClose}>Close</Button>
      </footer>
    </Dialog>
  );
}

function Section({ title, keys }: { readonly title: string; readonly keys: readonly (readonly [string, string])[] }) {
  return (
    <section>
      <h3>{title}</h3>
      <dl className="keys">
        {keys.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              {key.split(' ').map((each) => (
                <kbd key={each}>{each}</kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
