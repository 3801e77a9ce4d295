/** Where the pages begin. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BASE } from './api/client.ts';
import { sessionQuery } from './api/session.ts';
import { App, client } from './app/app.tsx';
import { preload } from './app/routes.tsx';
import { applyTheme } from './app/theme.ts';
import './design/tokens.css';
import './design/base.css';
import './design/parts.css';
import './app/shell.css';

applyTheme();
const root = document.getElementById('root');
if (root !== null) void start(root);

async function start(root: HTMLElement): Promise<void> {
  // The frame of the document stands meanwhile; a fallback of React's would stay for 300 ms, however soon the page came.
  const [page, session] = await Promise.all([
    preload(location.pathname.slice(BASE.length)),
    // A failure is told when the pages ask again.
    client.fetchQuery(sessionQuery).catch(() => undefined),
  ]);
  // On its way while the page is drawn. Whoever is nobody here would hear that they may not ask.
  if (typeof session?.name === 'string') page?.begin?.(client);
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
