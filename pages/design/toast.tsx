/** Short notes of what was done, with a way back where there is one. */
import { createContext, type ReactNode, useCallback, useContext, useMemo, useRef, useState } from 'react';
import { Button, IconButton } from './button.tsx';

/** So long a note stays, ms; one with a way back longer, an error until it is closed, and none goes while somebody is at them. */
const STAY = 6_000;
const STAY_WITH_UNDO = 15_000;
const STAY_ON = 2_000;

interface Toast {
  readonly text: string;
  readonly tone?: 'plain' | 'bad';
  readonly undo?: () => unknown;
}

interface Toasts {
  readonly show: (toast: Toast) => void;
  /** Takes the last thing back that can be; false: there is none. */
  readonly undoLast: () => boolean;
}

const Context = createContext<Toasts>({ show: () => undefined, undoLast: () => false });

export function useToasts(): Toasts {
  return useContext(Context);
}

export function ToastProvider({ children }: { readonly children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly (Toast & { readonly id: number })[]>([]);
  const latest = useRef(toasts);
  latest.current = toasts;
  const next = useRef(0);
  const region = useRef<HTMLElement>(null);
  const drop = useCallback((id: number) => setToasts((all) => all.filter((each) => each.id !== id)), []);
  const dropAfter = useCallback(
    (stay: number, id: number): void => {
      const end = (): void => {
        if (region.current?.matches(':hover, :focus-within')) setTimeout(end, STAY_ON);
        else drop(id);
      };
      setTimeout(end, stay);
    },
    [drop],
  );
  const api = useMemo<Toasts>(
    () => ({
      show(toast) {
        const id = next.current++;
        setToasts((all) => [...all.slice(-2), { ...toast, id }]);
        if (toast.tone !== 'bad') dropAfter(toast.undo === undefined ? STAY : STAY_WITH_UNDO, id);
      },
      undoLast() {
        const last = latest.current.findLast(({ undo }) => undo !== undefined);
        if (last === undefined) return false;
        drop(last.id);
        last.undo?.();
        return true;
      },
    }),
    [drop, dropAfter],
  );
  return (
    <Context value={api}>
      {children}
      <section ref={region} className="toasts" aria-label="Notes" aria-live="polite">
        {toasts.map(({ id, text, tone = 'plain', undo }) => (
          <div key={id} className="toast" data-tone={tone}>
            <p>{text}</p>
            {undo !== undefined && (
              <Button
                look="quiet"
                onClick={() => {
                  drop(id);
                  undo();
                }}
              >
                Undo
              </Button>
            )}
            <IconButton icon="close" label="Close" onClick={() => drop(id)} />
          </div>
        ))}
      </section>
    </Context>
  );
}
