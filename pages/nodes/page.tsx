/** Who works on the queue, since when, and what each holds. */
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { NodesAnswer } from '../../src/admin/answers.ts';
import { get } from '../api/client.ts';
import { useEvents } from '../api/events.ts';
import { useTitle } from '../app/title.ts';
import { Badge } from '../design/badge.tsx';
import { Empty, ErrorState, Skeleton } from '../design/states.tsx';
import { Moment, useNow } from '../format/moment.tsx';
import { counted } from '../format/number.ts';
import { formatDuration } from '../format/time.ts';
import '../design/stacking.css';

type Node = NodesAnswer['nodes'][number];

/** Processes show that they live less often than this, ms. */
const REFRESH = 5_000;

export function Page() {
  useTitle('Nodes');
  useEvents(() => undefined);
  const { data, error, refetch } = useQuery({
    queryKey: ['nodes'],
    queryFn: ({ signal }) => get<NodesAnswer>('/nodes', {}, signal),
    refetchInterval: REFRESH,
    placeholderData: keepPreviousData,
  });
  return (
    <>
      <div className="page-head">
        <h1>Nodes</h1>
      </div>
      {error !== null && <ErrorState error={error} retry={refetch} />}
      {error === null && data === undefined && <Skeleton />}
      {data !== undefined && error === null && <Nodes nodes={data.nodes} />}
    </>
  );
}

function Nodes({ nodes }: NodesAnswer) {
  if (nodes.length === 0)
    return (
      <Empty icon="nodes" title="Nobody works on this queue">
        <p>Mail that comes in waits until a process delivers it: posthaste serve, or posthaste work.</p>
      </Empty>
    );
  const alive = nodes.filter(({ alive }) => alive).length;
  return (
    <section className="card">
      <header>
        <h2>{counted(alive, 'process works', 'processes work')} on this queue</h2>
      </header>
      <div className="table-scroll">
        <table className="table stacking">
          <thead>
            <tr>
              <th>Process</th>
              <th>Role</th>
              <th>Since</th>
              <th>Last seen</th>
              <th>Holds</th>
            </tr>
          </thead>
          <tbody>
            {nodes.map((node) => (
              <Row key={node.id} node={node} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ node }: { readonly node: Node }) {
  const now = useNow();
  const { host, pid, role, startedAt, seenAt, alive, holds } = node;
  return (
    <tr>
      <th scope="row">
        {host} <span className="quiet-text">pid {pid}</span>
      </th>
      <td data-label="Role">
        <span>
          {role} <Badge tone={alive ? 'good' : 'bad'}>{alive ? 'alive' : 'gone'}</Badge>
        </span>
      </td>
      <td data-label="Since">
        <span>
          <Moment at={startedAt} as="short" />{' '}
          {alive && <span className="quiet-text">({formatDuration(Math.max(0, now - startedAt))})</span>}
        </span>
      </td>
      <td data-label="Last seen">
        <Moment at={seenAt} />
      </td>
      <td data-label="Holds">
        {holds.length === 0 ? <span className="quiet-text">nothing</span> : <Holds holds={holds} />}
      </td>
    </tr>
  );
}

function Holds({ holds }: Pick<Node, 'holds'>) {
  return (
    <ul>
      {holds.map(({ relay, sending, connections }) => (
        <li key={relay}>
          {relay}:{' '}
          {[...(sending > 0 ? [`${sending} sending`] : []), `up to ${counted(connections, 'connection')}`].join(', ')}
        </li>
      ))}
    </ul>
  );
}
