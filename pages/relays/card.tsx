/** One relay: its state in a word and in a sentence, its limits, and the switch. */
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { RelaysAnswer } from '../../src/admin/answers.ts';
import { useIsOperator } from '../api/session.ts';
import { Badge, type Tone } from '../design/badge.tsx';
import { Moment, useNow } from '../format/moment.tsx';
import { counted, formatNumber } from '../format/number.ts';
import { formatDuration } from '../format/time.ts';
import { nextTryOf } from './next-try.ts';
import { Switch } from './switch.tsx';

export type Relay = RelaysAnswer['relays'][number];

const TONES: Readonly<Record<Relay['standing'], Tone>> = {
  fine: 'good',
  paused: 'warn',
  failing: 'bad',
  deferring: 'bad',
  limited: 'busy',
  resting: 'warn',
  slowed: 'warn',
};

/** Nothing keeps mail from it, so there is nothing to end. */
const UNTROUBLED: readonly Relay['standing'][] = ['fine', 'deferring'];

export function RelayCard({ relay }: { readonly relay: Relay }) {
  const { name, standing, known } = relay;
  return (
    <li className="card relay">
      <header>
        <h2>{name}</h2>
        <Badge tone={TONES[standing]}>{standing}</Badge>
        {useIsOperator() && (
          <Switch name={name} isPaused={relay.pausedAt !== null} isTroubled={!UNTROUBLED.includes(standing)} />
        )}
      </header>
      <div className="card-body">
        <Why relay={relay} />
        <dl className="facts">
          <Fact name="Address">{relay.url ?? (known ? 'a transport of the application' : 'unknown')}</Fact>
          <Fact name="Connections">
            {relay.connections === null ? null : `at most ${formatNumber(relay.connections)}`}
          </Fact>
          <Fact name="Limit">{relay.rates.map(rateText).join(', ') || null}</Fact>
          <Fact name="Fallback">{relay.fallback.join(', ') || null}</Fact>
          <Fact name="Last sent">{relay.lastSentAt === null ? null : <Moment at={relay.lastSentAt} />}</Fact>
          <Fact name="Mail">
            <Link href={`/messages?relay=${encodeURIComponent(name)}`}>its messages</Link>
          </Fact>
        </dl>
      </div>
    </li>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  if (children === null) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function rateText({ limit, windowMs }: Relay['rates'][number]): string {
  return `${formatNumber(limit)} in ${formatDuration(windowMs)}`;
}

/** What it does, why, and what happens next. */
function Why({ relay }: { readonly relay: Relay }) {
  const { standing, pausedAt, pausedBy, deferring, limitedUntil, pace, known } = relay;
  if (pausedAt !== null)
    return (
      <p>
        {pausedBy === null ? 'Paused' : `Paused by ${pausedBy}`} <Moment at={pausedAt} />. Its mail waits until it is
        resumed.
      </p>
    );
  if (standing === 'failing') return <Failing relay={relay} />;
  if (deferring !== null)
    return (
      <>
        <p>
          It takes connections, and has taken no mail since <Moment at={deferring.since} as="short" />: all of it is
          deferred.
        </p>
        <Said title="What it said" reply={deferring.reply} />
      </>
    );
  if (standing === 'limited' && limitedUntil !== null)
    return (
      <p>
        It has got as much as its limit allows. It goes on <Moment at={limitedUntil} />.
      </p>
    );
  if (pace !== null)
    return (
      <>
        <p>
          It said <Moment at={pace.slowedAt} /> that it was too much.{' '}
          {standing === 'resting' && pace.restUntil !== null ? (
            <>
              It gets a rest and goes on <Moment at={pace.restUntil} />.
            </>
          ) : (
            <>It gets {counted(pace.connections, 'connection')}, and more again while mail succeeds.</>
          )}
        </p>
        <Said title="What it said" reply={pace.reply} />
      </>
    );
  if (relay.faults > 0)
    return (
      <>
        <p>The last try failed, and no mail waits for it now.</p>
        <Said title="Last fault" reply={relay.lastFault} />
      </>
    );
  if (relay.url?.startsWith('capture:')) return <p>Keeps mail here: nothing leaves this machine.</p>;
  if (!known) return <p>The settings of this server do not name it, but the queue has mail for it.</p>;
  return <p>Takes mail.</p>;
}

function Failing({ relay }: { readonly relay: Relay }) {
  const now = useNow();
  const { faults, faultSince, lastFault } = relay;
  const next = nextTryOf(relay);
  return (
    <>
      <p>
        {faults === 1 ? 'Failed' : `Failed ${formatNumber(faults)} times in a row, first`}{' '}
        {faultSince !== null && <Moment at={faultSince} />}. No message loses an attempt by that.{' '}
        {next > now ? (
          <>
            Next try: <Moment at={next} />.
          </>
        ) : (
          'It is tried again now.'
        )}
      </p>
      <Said title="Last fault" reply={lastFault} />
    </>
  );
}

function Said({ title, reply }: { readonly title: string; readonly reply: Relay['lastFault'] }) {
  if (reply === null) return null;
  const { code, status, text } = reply;
  return (
    <figure className="said">
      <figcaption>{title}</figcaption>
      <code>
        {code} {status} {text}
      </code>
    </figure>
  );
}
