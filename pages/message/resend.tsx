/** The same content once more, as a new message with an envelope of its own. */
import { type FormEvent, useState } from 'react';
import { useLocation } from 'wouter';
import type { FoundAnswer } from '../../src/admin/answers.ts';
import { post, sentenceOf } from '../api/client.ts';
import { Button } from '../design/button.tsx';
import { Dialog } from '../design/dialog.tsx';
import { useToasts } from '../design/toast.tsx';

export function ResendButton({ found }: { readonly found: FoundAnswer }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button icon="again" onClick={() => setOpen(true)}>
        Resend as new
      </Button>
      {isOpen && <Resend found={found} onClose={() => setOpen(false)} />}
    </>
  );
}

function Resend({ found, onClose }: { readonly found: FoundAnswer; readonly onClose: () => void }) {
  const { id } = found.message;
  const [, navigate] = useLocation();
  const { show } = useToasts();
  const [fault, setFault] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const send = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const to = String(new FormData(event.currentTarget).get('to'));
    setBusy(true);
    try {
      const recipients = to.split(/[\s,;]+/).filter((each) => each !== '');
      const { id: fresh } = await post<{ readonly id: string }>(`/messages/${id}/resend`, { to: recipients });
      onClose();
      show({ text: 'Submitted as a new message.' });
      navigate(`/messages/${fresh}`);
    } catch (error) {
      setFault(sentenceOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Resend as a new message" onClose={onClose}>
      <p>The same content, byte by byte, is submitted once more; what became of this message stays as it is.</p>
      <form onSubmit={(event) => void send(event)} className="resend">
        <label className="field">
          <span>Recipients, with commas between them</span>
          <textarea
            className="input"
            name="to"
            rows={3}
            required
            defaultValue={found.deliveries.map(({ recipient }) => recipient).join(', ')}
          />
        </label>
        {fault !== null && (
          <p className="login-fault" role="alert">
            {fault}
          </p>
        )}
        <footer>
          <Button onClick={onClose}>Back</Button>
          <Button look="primary" type="submit" disabled={isBusy}>
            Submit
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
