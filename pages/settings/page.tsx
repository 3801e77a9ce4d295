/** By what this process goes: every setting with its value, where it came from, and what it means. Only to be read. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { SettingsAnswer } from '../../src/admin/answers.ts';
import { get } from '../api/client.ts';
import { useTitle } from '../app/title.ts';
import { Badge } from '../design/badge.tsx';
import { Empty, ErrorState, Skeleton } from '../design/states.tsx';
import { counted } from '../format/number.ts';
import './settings.css';

type Setting = SettingsAnswer['settings'][number];

/** In the words of the page about the configuration. */
const TITLES: Readonly<Record<string, string>> = {
  Storage: 'Storage',
  Listener: 'The listener: mail comes in',
  Limits: 'Limits of the listener',
  Sendmail: 'The command sendmail',
  Relay: 'The relay: mail goes out',
  Retry: 'Trying again',
  Pace: 'How much at once',
  Safety: 'Safety of test systems',
  Retention: 'How long messages are kept',
  Hooks: 'Functions of your own',
  Application: 'Messages of an application',
  Program: 'The program',
};

export function Page() {
  useTitle('Settings');
  const { data, error, refetch } = useQuery({
    queryKey: ['config'],
    queryFn: ({ signal }) => get<SettingsAnswer>('/config', {}, signal),
  });
  return (
    <>
      <div className="page-head">
        <h1>Settings</h1>
      </div>
      {error !== null && <ErrorState error={error} retry={refetch} />}
      {error === null && data === undefined && <Skeleton lines={10} />}
      {error === null && data !== undefined && <Settings settings={data.settings} />}
    </>
  );
}

function Settings({ settings }: SettingsAnswer) {
  const [search, setSearch] = useState('');
  const [isGivenOnly, setGivenOnly] = useState(false);
  const wanted = search.trim().toLowerCase();
  const shown = settings.filter(
    (setting) => (!isGivenOnly || setting.from !== 'default') && textOf(setting).includes(wanted),
  );
  const groups = [...Map.groupBy(shown, ({ group }) => group)];
  return (
    <>
      <search className="settings-search">
        <input
          className="input"
          type="search"
          placeholder="Find a setting"
          aria-label="Find a setting"
          value={search}
          onChange={({ target }) => setSearch(target.value)}
        />
        <label className="check">
          <input type="checkbox" checked={isGivenOnly} onChange={({ target }) => setGivenOnly(target.checked)} />
          Only what is not the default
        </label>
        <span className="quiet-text" role="status">
          {counted(shown.length, 'setting')}
        </span>
      </search>
      {shown.length === 0 && <Empty icon="settings" title="No setting is like that" />}
      {groups.map(([group, members]) => (
        <section key={group} className="card settings-group" aria-labelledby={`group-${group}`}>
          <header>
            <h2 id={`group-${group}`}>{TITLES[group] ?? group}</h2>
          </header>
          <ul>
            {members.map((setting) => (
              <Row key={setting.name} setting={setting} />
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

function textOf({ name, sentence, from, parts }: Setting): string {
  return [name, sentence, from, ...parts.flatMap(({ name, shown }) => [name, shown])].join('\n').toLowerCase();
}

function Row({ setting: { name, sentence, secret, from, parts } }: { readonly setting: Setting }) {
  return (
    <li className="setting">
      <div>
        <h3>
          <code>{name}</code> {secret && <Badge>secret</Badge>}
        </h3>
        <p className="quiet-text">
          <Marked text={sentence} />
        </p>
      </div>
      <div>
        <Value name={name} parts={parts} />
        <p className="setting-origin">
          {from === 'default' ? <span className="quiet-text">default</span> : <>from {from}</>}
        </p>
      </div>
    </li>
  );
}

function Value({ name, parts }: Pick<Setting, 'name' | 'parts'>) {
  if (parts.length === 0) return <p className="quiet-text">none</p>;
  const [first] = parts;
  if (parts.length === 1 && first?.name === name) return <code className="setting-value">{first.shown}</code>;
  return (
    <dl className="setting-parts">
      {parts.map((part) => (
        <div key={part.name}>
          <dt>
            <code>{part.name.slice(name.length + 1)}</code>
          </dt>
          <dd>
            <code>{part.shown}</code>
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Code stands in backticks, and links of the documentation in brackets. */
function Marked({ text }: { readonly text: string }) {
  const plain = text.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
  // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a sentence never move.
  return plain.split('`').map((piece, i) => (i % 2 === 1 ? <code key={i}>{piece}</code> : piece));
}
