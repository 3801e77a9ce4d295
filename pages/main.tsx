/** Where the pages begin. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BASE } from './api/client.ts';
import { App } from './app/app.tsx';
import { preload } from './app/routes.tsx';
import { applyTheme } from './app/theme.ts';
import './design/tokens.css';
import './design/base.css';
import './design/parts.css';
import './app/shell.css';

applyTheme();
preload(location.pathname.slice(BASE.length));
const root = document.getElementById('root');
if (root !== null)
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
