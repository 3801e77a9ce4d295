/** What stands around every page: where one can go, whether it is live, how it looks, who one is. */
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import type { SessionAnswer } from '../../src/admin/answers.ts';
import { useStreamState } from '../api/events.ts';
import { useLogin } from '../api/session.ts';
import { IconButton } from '../design/button.tsx';
import { Icon } from '../design/icon.tsx';
import { KeyboardHelp } from './keyboard-help.tsx';
import { useKeys } from './keys.ts';
import { Logo } from './logo.tsx';
import { PAGES } from './routes.tsx';
import { setTheme, THEMES, useTheme } from './theme.ts';

export function Shell({ session, children }: { readonly session: SessionAnswer; readonly children: ReactNode }) {
  const [location, navigate] = useLocation();
  const [isHelpOpen, setHelpOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const goTo = PAGES.flatMap(({ path, nav }) =>
    nav === undefined ? [] : [[`g ${nav.key}`, () => navigate(path)] as const],
  );
  useKeys({ ...Object.fromEntries(goTo), '?': () => setHelpOpen(true) });
  useFocusOnArrival(main, location);
  return (
    <div className="shell">
      <button type="button" className="skip button" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <header className="bar">
        <Link href="/" className="home">
          <Logo />
        </Link>
        <Navigation location={location} />
        <div className="bar-end">
          <StreamLight />
          <IconButton icon="keyboard" label="Keyboard shortcuts" onClick={() => setHelpOpen(true)} />
          <ThemeSwitch />
          <Who session={session} />
        </div>
      </header>
      <main ref={main} tabIndex={-1}>
        {children}
      </main>
      {isHelpOpen && <KeyboardHelp onClose={() => setHelpOpen(false)} />}
    </div>
  );
}

/** Those who do not see the page are told that there is another one. */
function useFocusOnArrival(main: { readonly current: HTMLElement | null }, location: string): void {
  const arrived = useRef(location);
  useEffect(() => {
    if (arrived.current === location) return;
    arrived.current = location;
    main.current?.focus({ preventScroll: true });
  }, [main, location]);
}

const LINKS = PAGES.flatMap(({ path, title, nav }) => (nav === undefined ? [] : [{ path, title, icon: nav.icon }]));

function Navigation({ location }: { readonly location: string }) {
  const list = useRef<HTMLUListElement>(null);
  const here = LINKS.findIndex(({ path }) => (path === '/' ? location === '/' : location.startsWith(path)));
  // On narrow screens not all of them are seen at once.
  useEffect(() => {
    list.current?.children[here]?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [here]);
  return (
    <nav aria-label="Pages">
      <ul ref={list}>
        {LINKS.map(({ path, title, icon }, i) => (
          <li key={path}>
            <Link href={path} aria-current={i === here ? 'page' : undefined}>
              <Icon name={icon} />
              {title}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

const STREAM_WORDS = { off: '', opening: 'Connecting', open: 'Live', lost: 'Not connected: trying again' } as const;

/** Whether what one sees goes on by itself. */
function StreamLight() {
  const state = useStreamState();
  if (state === 'off') return null;
  return (
    <span className="stream" data-state={state} role="status">
      {STREAM_WORDS[state]}
    </span>
  );
}

const THEME_ICONS = { system: 'system', light: 'sun', dark: 'moon' } as const;

function ThemeSwitch() {
  const theme = useTheme();
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system';
  return <IconButton icon={THEME_ICONS[theme]} label={`Theme: ${theme}`} onClick={() => setTheme(next)} />;
}

function Who({ session }: { readonly session: SessionAnswer }) {
  const { logout } = useLogin();
  if (session.login === 'none') return null;
  return (
    <span className="who">
      <span
        className="who-name"
        title={session.role === 'viewer' ? 'May look and change nothing' : 'May change things'}
      >
        {session.name}
        {session.role === 'viewer' && <small> (viewer)</small>}
      </span>
      {session.login === 'password' && <IconButton icon="out" label="Log out" onClick={() => void logout()} />}
    </span>
  );
}
