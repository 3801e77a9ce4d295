/** What the parts of a server refuse of its settings, asked before anything is opened. */
import { faultOf, wayChecks } from '../app/way-checks.ts';
import { type Check, type Complaint, complain, type Loaded } from '../config/load.ts';
import { bindingFault, isLoopback } from '../submission/smtp/clients.ts';
import { authenticator } from '../submission/smtp/users.ts';

const GUARD =
  'set adminUsers or adminViewers, so that it asks for a login, or let it listen on 127.0.0.1, or turn it off';

export const serverChecks: readonly Check[] = [
  ...wayChecks,
  (loaded) => faultOf(loaded, 'users', ({ users }) => authenticator(users)),
  (loaded) => faultOf(loaded, 'adminUsers', ({ adminUsers }) => authenticator(adminUsers)),
  (loaded) => faultOf(loaded, 'adminViewers', ({ adminViewers }) => authenticator(adminViewers)),
  (loaded) => unguarded(loaded, 'admin'),
  (loaded) => unguarded(loaded, 'metrics'),
  (loaded) => {
    const { listen, users, tlsCert, clients } = loaded.config;
    const fault = bindingFault(listen, users.length > 0, tlsCert !== null, clients);
    return fault === undefined ? [] : [complain(loaded, 'listen', fault)];
  },
];

function unguarded(loaded: Loaded, name: 'admin' | 'metrics'): readonly Complaint[] {
  const { [name]: address, adminUsers, adminViewers } = loaded.config;
  const guarded = adminUsers.length + adminViewers.length > 0;
  if (address === null || guarded || isLoopback(address.host)) return [];
  return [complain(loaded, name, `can be reached from other machines: ${GUARD}`)];
}
