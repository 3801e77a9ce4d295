/** What stands in the place of what is not there: nothing yet, nothing found, or an error. */
import type { ReactNode } from 'react';
import { ApiError, sentenceOf } from '../api/client.ts';
import { Button } from './button.tsx';
import { Icon, type IconName } from './icon.tsx';

export function Empty({
  icon,
  title,
  children,
}: {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ReactNode;
}) {
  return (
    <div className="notice">
      <Icon name={icon} />
      <strong>{title}</strong>
      {children}
    </div>
  );
}

export function ErrorState({ error, retry }: { readonly error: unknown; readonly retry?: () => unknown }) {
  const code = error instanceof ApiError && error.code !== 'UNKNOWN' ? error.code : null;
  return (
    <div className="notice" role="alert">
      <Icon name="warning" />
      <strong>That did not work</strong>
      <p>{sentenceOf(error)}</p>
      {code !== null && <code>{code}</code>}
      {retry !== undefined && (
        <Button icon="retry" onClick={() => void retry()}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** Lines that are still on their way. */
export function Skeleton({ lines = 3 }: { readonly lines?: number }) {
  const widths = Array.from({ length: lines }, (_, i) => `${90 - ((i * 23) % 50)}%`);
  return (
    <div role="status" aria-label="Loading">
      {widths.map((width, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike and never move.
        <span key={i} className="skeleton" style={{ width, marginBlock: '10px' }} />
      ))}
    </div>
  );
}
