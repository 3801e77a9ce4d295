/** Who asks, and what they may do. */

/** A viewer sees everything, and an operator may change it. */
export type Role = 'viewer' | 'operator';

export interface Principal {
  /** For the log and for those who ask later who it was. */
  readonly name: string;
  readonly role: Role;
}

/** Where a request comes from, as far as the server knows; `unknown` inside an application. */
export type Peer = string;

/** How people are known here. */
export interface Access {
  /** `none`: whoever reaches it is an operator. `password`: by `POST /session` or Basic. `application`: it says itself. */
  readonly kind: 'none' | 'password' | 'application';
  /** null: nobody that is known. Throws TOO_MANY_TRIES. */
  whoIs(request: Request, peer: Peer): Promise<Principal | null>;
  /** With `password`. Answers with the cookies to set. Throws LOGIN_REQUIRED and TOO_MANY_TRIES. */
  readonly login?: (request: Request, peer: Peer, name: string, password: string) => Promise<Login>;
  readonly logout?: (request: Request) => string;
}

export interface Login {
  readonly who: Principal;
  /** The value of Set-Cookie. */
  readonly cookie: string;
}

export function may(who: Principal | null, needs: Role): boolean {
  return who !== null && (needs === 'viewer' || who.role === 'operator');
}

/** For an address that only this machine reaches, where no users are set. */
export const openAccess: Access = {
  kind: 'none',
  whoIs: () => Promise.resolve({ name: 'local', role: 'operator' }),
};
