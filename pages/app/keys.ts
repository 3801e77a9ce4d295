/** Keys that do something wherever one is, as in a mail client: single letters, or two one after the other (`g m`). */
import { useEffect, useEffectEvent } from 'react';

export type Keys = Readonly<Record<string, (event: KeyboardEvent) => void>>;

/** Between the two keys of a pair, ms. */
const PAUSE = 1_000;

/** What comes behind it is the second of a pair, and nothing by itself. */
const LEAD = 'g';

/** Not while somebody writes, and not behind a dialog. */
function isElsewhere({ target }: KeyboardEvent): boolean {
  if (document.querySelector('dialog[open]') !== null) return true;
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))
  );
}

/** A button that has the focus is pressed by Enter and the blank, whatever these do elsewhere. */
function isPressed({ target, key }: KeyboardEvent): boolean {
  return (key === 'Enter' || key === ' ') && target instanceof Element && target.closest('button, a, summary') !== null;
}

/** Names are those of `KeyboardEvent.key`, with `Shift+` before names such as `ArrowDown`; pairs have a blank between them. */
export function useKeys(keys: Keys): void {
  const handle = useEffectEvent((event: KeyboardEvent, name: string): boolean => {
    const action = keys[name];
    if (action === undefined) return false;
    event.preventDefault();
    action(event);
    return true;
  });
  useEffect(() => {
    let before = { key: '', at: 0 };
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isElsewhere(event)) return;
      if (isPressed(event)) return;
      const key = event.shiftKey && event.key.length > 1 ? `Shift+${event.key}` : event.key;
      const pair = event.timeStamp - before.at < PAUSE ? `${before.key} ${key}` : '';
      before = { key: pair.startsWith(`${LEAD} `) ? '' : key, at: event.timeStamp };
      const isSecond = pair !== '' && pair.startsWith(`${LEAD} `);
      if (!handle(event, pair) && !isSecond) handle(event, key);
    };
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  }, []);
}
