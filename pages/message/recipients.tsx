/** Each recipient: how it stands, and why it has not been sent, in a sentence. */
import type { FoundAnswer } from '../../src/admin/answers.ts';
import { StateBadge } from '../design/badge.tsx';
import { Moment } from '../format/moment.tsx';
import { counted } from '../format/number.ts';

type Delivery = FoundAnswer['deliveries'][number];

export function Recipients({ found: { deliveries } }: { readonly found: FoundAnswer }) {
  return (
    <section className="card">
      <header>
        <h2>{counted(deliveries.length, 'recipient')}</h2>
      </header>
      <ul className="recipients">
        {deliveries.map((delivery) => (
          <li key={delivery.ordinal}>
            <div className="recipient-line">
              <strong>{delivery.recipient}</strong>
              <StateBadge {...delivery} />
              <span className="quiet-text">
                {counted(delivery.attempts, 'attempt')} · relay {delivery.relay}
              </span>
              <Next delivery={delivery} />
            </div>
            <p className="why">{delivery.why}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Next({ delivery }: { readonly delivery: Delivery }) {
  if (delivery.state !== 'queued' || delivery.nextAt === null) return null;
  return (
    <span className="next">
      Next try <Moment at={delivery.nextAt} />
    </span>
  );
}
