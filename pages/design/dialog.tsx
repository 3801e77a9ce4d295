/** What asks before it goes on; the browser keeps the focus inside, and Escape closes it. */
import { type ReactNode, useEffect, useId, useRef } from 'react';
import { Button } from './button.tsx';

export function Dialog({
  title,
  onClose,
  children,
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    // The first thing that takes the focus may be the last of a long one.
    dialog?.scrollTo(0, 0);
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={ref} className="dialog" aria-labelledby={id} onCancel={onClose}>
      <div className="dialog-body">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

/** A question with one thing to do; while it is being done, that shows. */
export function Confirm({
  title,
  action,
  isDanger = false,
  isBusy = false,
  isDisabled = false,
  onConfirm,
  onClose,
  children,
}: {
  readonly title: string;
  /** What the button says. */
  readonly action: string;
  readonly isDanger?: boolean;
  readonly isBusy?: boolean;
  readonly isDisabled?: boolean;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
  readonly children?: ReactNode;
}) {
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      {isBusy && <div className="progress" role="progressbar" aria-label="In progress" />}
      <footer>
        <Button onClick={onClose}>Back</Button>
        <Button look={isDanger ? 'danger' : 'primary'} disabled={isBusy || isDisabled} onClick={onConfirm}>
          {action}
        </Button>
      </footer>
    </Dialog>
  );
}
