/** For those who are not known yet. */
import { type FormEvent, useState } from 'react';
import type { SessionAnswer } from '../../src/admin/answers.ts';
import { sentenceOf } from '../api/client.ts';
import { useLogin } from '../api/session.ts';
import { Button } from '../design/button.tsx';
import { Empty } from '../design/states.tsx';
import { Logo } from './logo.tsx';
import { useTitle } from './title.ts';

export function Login({ session }: { readonly session: SessionAnswer }) {
  useTitle('Log in');
  return (
    <main className="login">
      <Logo />
      {session.login === 'application' ? (
        <Empty icon="out" title="Not for you yet">
          <p>The application that these pages are part of says who may see them. Log in there first.</p>
        </Empty>
      ) : (
        <LoginForm />
      )}
    </main>
  );
}

function LoginForm() {
  const { login } = useLogin();
  const [fault, setFault] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setFault(null);
    try {
      await login(String(form.get('name')), String(form.get('password')));
    } catch (error) {
      setFault(sentenceOf(error));
      setBusy(false);
    }
  };
  return (
    <form className="card card-body login-form" onSubmit={(event) => void submit(event)}>
      <h1>Log in</h1>
      <label className="field">
        <span>Name</span>
        <input className="input" name="name" autoComplete="username" autoCapitalize="none" required />
      </label>
      <label className="field">
        <span>Password</span>
        <input className="input" name="password" type="password" autoComplete="current-password" required />
      </label>
      {fault !== null && (
        <p className="login-fault" role="alert">
          {fault}
        </p>
      )}
      <Button look="primary" type="submit" disabled={isBusy}>
        Log in
      </Button>
    </form>
  );
}
