/** The whole: what all pages share, and which of them is shown. */
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { Suspense, useEffect } from 'react';
import { Route, Router, Switch } from 'wouter';
import { ApiError, BASE } from '../api/client.ts';
import { onMissedEvents } from '../api/events.ts';
import { useSession } from '../api/session.ts';
import { ErrorState, Skeleton } from '../design/states.tsx';
import { ToastProvider } from '../design/toast.tsx';
import { ErrorBoundary } from './error-boundary.tsx';
import { useFirstPage } from './first-page.ts';
import { Login } from './login.tsx';
import { NotFound } from './not-found.tsx';
import { Opening } from './opening.tsx';
import { PAGES, preloadAll, Shown } from './routes.tsx';
import { Shell } from './shell.tsx';

export const client = new QueryClient({
  defaultOptions: {
    queries: {
      // Asked again: what had no answer at all, or a server in trouble; never what was refused.
      retry: (count, error) => count < 2 && !(error instanceof ApiError && error.status > 0 && error.status < 500),
      staleTime: 5_000,
    },
  },
});

onMissedEvents(() => void client.invalidateQueries());

/** A login that has ended shows at the next answer. */
client.getQueryCache().subscribe(({ type, query }) => {
  const { error } = query.state;
  if (type !== 'updated' || !(error instanceof ApiError) || error.status !== 401) return;
  void client.invalidateQueries({ queryKey: ['session'] });
});

export function App() {
  return (
    <QueryClientProvider client={client}>
      <ToastProvider>
        <Router base={BASE.replace(/\/$/, '')}>
          <Gate />
        </Router>
      </ToastProvider>
    </QueryClientProvider>
  );
}

/** Whoever is nobody here sees a login, or that the application keeps them out. */
function Gate() {
  const { data, error, refetch } = useSession();
  if (error !== null) return <ErrorState error={error} retry={refetch} />;
  if (data === undefined) return <Opening />;
  if (data.name === null) return <Login session={data} />;
  return (
    <Shell session={data}>
      <ErrorBoundary>
        <Pages />
      </ErrorBoundary>
    </Shell>
  );
}

/** Before the other pages are loaded, ms: first comes what somebody asked for. */
const FIRST = 1_000;

function Pages() {
  useEffect(() => {
    const timer = setTimeout(preloadAll, FIRST);
    return () => clearTimeout(timer);
  }, []);
  if (!useFirstPage()) return null;
  return (
    <Suspense fallback={<Skeleton lines={6} />}>
      <Switch>
        {PAGES.map((entry) => (
          <Route key={entry.path} path={entry.path}>
            <Shown entry={entry} />
          </Route>
        ))}
        <Route component={NotFound} />
      </Switch>
    </Suspense>
  );
}
