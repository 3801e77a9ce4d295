/** To whom nothing is sent: find, add, take out, and whole lists in and out. */
import { useState } from 'react';
import { apiUrl } from '../api/client.ts';
import { useIsOperator } from '../api/session.ts';
import { useTitle } from '../app/title.ts';
import { Button } from '../design/button.tsx';
import { Icon } from '../design/icon.tsx';
import { AddDialog } from './add-dialog.tsx';
import { ImportDialog } from './import-dialog.tsx';
import { List } from './list.tsx';
import { Verdict } from './verdict.tsx';
import './suppression.css';

export function Page() {
  useTitle('Suppression');
  const [search, setSearch] = useState('');
  const [dialog, setDialog] = useState<'add' | 'import' | null>(null);
  const close = (): void => setDialog(null);
  return (
    <>
      <div className="page-head">
        <h1>Suppression</h1>
        <div className="actions">
          {useIsOperator() && (
            <>
              <Button look="primary" icon="plus" onClick={() => setDialog('add')}>
                Add
              </Button>
              <Button icon="upload" onClick={() => setDialog('import')}>
                Import
              </Button>
            </>
          )}
          <a className="button" href={apiUrl('/suppressions.csv')} download="suppressions.csv">
            <Icon name="download" />
            Export
          </a>
        </div>
      </div>
      <p className="quiet-text suppression-words">
        Mail for these addresses and domains is not sent, whoever submits it. It ends as suppressed, never as sent.
      </p>
      <search className="suppression-search">
        <input
          className="input"
          type="search"
          placeholder="A part of an address, or a whole one"
          aria-label="Find an address or a domain"
          value={search}
          onChange={({ target }) => setSearch(target.value)}
        />
      </search>
      <Verdict address={search.trim()} />
      <List search={search.trim()} />
      {dialog === 'add' && <AddDialog onClose={close} />}
      {dialog === 'import' && <ImportDialog onClose={close} />}
    </>
  );
}
