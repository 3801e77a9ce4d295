/** One webhook. */
import type { WebhooksAnswer } from '../../src/admin/answers.ts';
import { useIsOperator } from '../api/session.ts';
import { Badge, type Tone } from '../design/badge.tsx';
import { Button } from '../design/button.tsx';
import { Moment, useNow } from '../format/moment.tsx';
import { counted, formatNumber } from '../format/number.ts';
import { useEnable, useResend, useTest } from './changes.ts';
import { Missed } from './missed.tsx';

export type Webhook = WebhooksAnswer['webhooks'][number];

const TONES: Readonly<Record<Webhook['standing'], Tone>> = {
  well: 'good',
  failing: 'bad',
  disabled: 'warn',
  idle: 'plain',
};

export function WebhookCard({ webhook }: { readonly webhook: Webhook }) {
  const { name, standing, url, events, waiting, failed, oldestWaiting, lastSentAt } = webhook;
  return (
    <li className="card webhook">
      <header>
        <h2>{name}</h2>
        <Badge tone={TONES[standing]}>{standing}</Badge>
        {useIsOperator() && <Actions webhook={webhook} />}
      </header>
      <div className="card-body">
        <Why webhook={webhook} />
        <dl className="webhook-facts">
          <div>
            <dt>Address</dt>
            <dd>{url ?? 'known to other processes only'}</dd>
          </div>
          <div>
            <dt>Is told of</dt>
            <dd>{events.join(', ') || 'nothing'}</dd>
          </div>
          <div>
            <dt>Waiting</dt>
            <dd>
              {formatNumber(waiting)}
              {oldestWaiting !== null && (
                <>
                  , the oldest since <Moment at={oldestWaiting} />
                </>
              )}
            </dd>
          </div>
          <div>
            <dt>Last told</dt>
            <dd>{lastSentAt === null ? 'never' : <Moment at={lastSentAt} />}</dd>
          </div>
        </dl>
        {failed > 0 && <Missed name={name} count={failed} />}
      </div>
    </li>
  );
}

function Why({ webhook }: { readonly webhook: Webhook }) {
  const now = useNow();
  const { standing, failures, failingSince, nextTryAt, disabledAt, lastFailure } = webhook;
  if (standing === 'well') return <p>It is told of what happens.</p>;
  if (standing === 'idle') return <p>No process has told it anything yet.</p>;
  return (
    <>
      <p>
        {disabledAt !== null ? (
          <>
            It answered <Moment at={disabledAt} /> that it is gone (410). Nothing is kept for it until it is enabled.
          </>
        ) : (
          <>
            Failed {counted(failures, 'time')} in a row
            {failingSince !== null && (
              <>
                , first <Moment at={failingSince} />
              </>
            )}
            . {nextTryAt === null && 'It is tried again with the next event.'}
            {nextTryAt !== null && nextTryAt <= now && 'It is tried again now.'}
            {nextTryAt !== null && nextTryAt > now && (
              <>
                Next try: <Moment at={nextTryAt} />.
              </>
            )}
          </>
        )}
      </p>
      {lastFailure !== null && (
        <p className="webhook-said">
          <span className="quiet-text">Last failure</span> <code>{lastFailure.error}</code>
        </p>
      )}
    </>
  );
}

function Actions({ webhook: { name, standing, failed } }: { readonly webhook: Webhook }) {
  const test = useTest(name);
  const enable = useEnable(name);
  const resend = useResend(name);
  return (
    <div className="actions">
      {failed > 0 && (
        <Button
          icon="again"
          disabled={resend.isPending}
          aria-label={`Resend all to ${name}`}
          onClick={() => resend.mutate(undefined)}
        >
          Resend all
        </Button>
      )}
      {standing === 'disabled' && (
        <Button
          icon="release"
          disabled={enable.isPending}
          aria-label={`Enable ${name}`}
          onClick={() => enable.mutate()}
        >
          Enable
        </Button>
      )}
      {standing === 'failing' && (
        <Button
          icon="retry"
          disabled={enable.isPending}
          aria-label={`Try now: ${name}`}
          onClick={() => enable.mutate()}
        >
          Try now
        </Button>
      )}
      <Button icon="check" disabled={test.isPending} aria-label={`Test ${name}`} onClick={() => test.mutate()}>
        {test.isPending ? 'Testing' : 'Test'}
      </Button>
    </div>
  );
}
