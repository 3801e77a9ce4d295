/** Who changed what, when, from where, and what came of it. */
import { useDeferredValue, useState } from 'react';
import { useTitle } from '../app/title.ts';
import { List } from './list.tsx';
import './audit.css';

const ACTIONS = [
  ...['retry', 'hold', 'release', 'cancel', 'reroute', 'pause', 'resume'],
  ...['suppress', 'unsuppress', 'suppress import', 'purge', 'login'],
];

export function Page() {
  useTitle('Audit');
  const [action, setAction] = useState('');
  const [by, setBy] = useState('');
  return (
    <>
      <div className="page-head">
        <h1>Audit</h1>
      </div>
      <search className="audit-search">
        <label className="field">
          <span>Action</span>
          <select className="input" value={action} onChange={({ target }) => setAction(target.value)}>
            <option value="">any</option>
            {ACTIONS.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <label className="field">
          <span>By (the whole name)</span>
          <input className="input" type="search" value={by} onChange={({ target }) => setBy(target.value)} />
        </label>
      </search>
      <List action={action} by={useDeferredValue(by).trim()} />
    </>
  );
}
