/** All pages: a line each. What a page needs is loaded when it is first shown. */
import type { QueryClient } from '@tanstack/react-query';
import { type ComponentType, lazy, useState } from 'react';
import type { IconName } from '../design/icon.tsx';

interface PageFile {
  readonly Page: ComponentType;
  /** Asks for what the page at this address shows first. */
  readonly begin?: (client: QueryClient) => void;
}

function from(file: () => Promise<PageFile>): Pick<PageEntry, 'Lazy' | 'load' | 'loaded'> {
  let loaded: PageFile | undefined;
  const load = async (): Promise<PageFile> => {
    loaded = await file();
    return loaded;
  };
  return { load, loaded: () => loaded?.Page, Lazy: lazy(async () => ({ default: (await load()).Page })) };
}

export interface PageEntry {
  /** Below the base, with parameters as `:id`. Its first segment stands in PAGES of src/admin/pages.ts. */
  readonly path: string;
  readonly title: string;
  /** Where it stands in the navigation, and the letter that leads there behind `g`; absent: not there. */
  readonly nav?: { readonly icon: IconName; readonly key: string };
  readonly Lazy: ComponentType;
  /** Begins to load what the page needs. */
  readonly load: () => Promise<PageFile>;
  /** undefined: it is not there yet. */
  readonly loaded: () => ComponentType | undefined;
}

/** In the order of the navigation. */
export const PAGES: readonly PageEntry[] = [
  {
    path: '/',
    title: 'Overview',
    nav: { icon: 'overview', key: 'o' },
    ...from(() => import('../overview/page.tsx')),
  },
  {
    path: '/messages',
    title: 'Messages',
    nav: { icon: 'messages', key: 'm' },
    ...from(() => import('../messages/page.tsx')),
  },
  {
    path: '/messages/:id',
    title: 'Message',
    ...from(() => import('../message/page.tsx')),
  },
  {
    path: '/capture',
    title: 'Capture',
    nav: { icon: 'capture', key: 'c' },
    ...from(() => import('../capture/page.tsx')),
  },
  {
    path: '/relays',
    title: 'Relays',
    nav: { icon: 'relays', key: 'r' },
    ...from(() => import('../relays/page.tsx')),
  },
  {
    path: '/suppression',
    title: 'Suppression',
    nav: { icon: 'suppression', key: 'u' },
    ...from(() => import('../suppression/page.tsx')),
  },
  {
    path: '/webhooks',
    title: 'Webhooks',
    nav: { icon: 'webhooks', key: 'w' },
    ...from(() => import('../webhooks/page.tsx')),
  },
  {
    path: '/nodes',
    title: 'Nodes',
    nav: { icon: 'nodes', key: 'n' },
    ...from(() => import('../nodes/page.tsx')),
  },
  {
    path: '/audit',
    title: 'Audit',
    nav: { icon: 'audit', key: 'a' },
    ...from(() => import('../audit/page.tsx')),
  },
  {
    path: '/settings',
    title: 'Settings',
    nav: { icon: 'settings', key: 's' },
    ...from(() => import('../settings/page.tsx')),
  },
];

/** Loads a page before it is known who asks: one way to the server less until it is shown. undefined: it cannot be loaded. */
export async function preload(path: string): Promise<PageFile | undefined> {
  const [first, second] = path.split('/').filter((segment) => segment !== '');
  const wanted = second === undefined ? `/${first ?? ''}` : `/${first}/:id`;
  // A failure is told when the page itself asks for it.
  return PAGES.find((page) => page.path === wanted)
    ?.load()
    .catch(() => undefined);
}

/** What is there already is shown at once: behind a fallback React keeps it back for 300 ms. */
export function Shown({ entry }: { readonly entry: PageEntry }) {
  const [Page] = useState(() => entry.loaded() ?? entry.Lazy);
  return <Page />;
}

/** The other pages, when there is nothing else to do. */
export function preloadAll(): void {
  for (const page of PAGES) page.load().catch(() => undefined);
}
