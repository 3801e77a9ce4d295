/** Certificates for tests, made by openssl: those of a CA, of nobody, and of a time that is over. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
  /** SHA-256, as openssl shows it. */
  readonly fingerprint: string;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** A CA and the folder that it works in. */
export class Certificates {
  readonly #folder = mkdtempSync(join(tmpdir(), 'posthaste-tls-'));
  readonly ca: string;

  constructor() {
    this.ca = this.selfSigned('ca', '-addext', 'basicConstraints=critical,CA:TRUE').cert;
  }

  selfSigned(name: string, ...more: readonly string[]): Certificate {
    const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`];
    this.#openssl('req', '-x509', ...NEW_KEY, ...files, '-subj', `/CN=${name}`, '-days', '2', ...more);
    return this.#read(name);
  }

  /** From the CA, for relay.example or another host. */
  signed(name: string, days = '2', host = 'relay.example'): Certificate {
    const files = ['-keyout', `${name}.key`, '-out', `${name}.csr`];
    this.#openssl('req', ...NEW_KEY, ...files, '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${host}`);
    const sign = ['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'];
    this.#openssl(...sign, '-copy_extensions', 'copy', '-out', `${name}.crt`, '-days', days);
    return this.#read(name);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #openssl(...args: readonly string[]): string {
    return execFileSync('openssl', args, { cwd: this.#folder, stdio: 'pipe' }).toString();
  }

  #read(name: string): Certificate {
    const shown = this.#openssl('x509', '-noout', '-fingerprint', '-sha256', '-in', `${name}.crt`);
    return {
      key: readFileSync(join(this.#folder, `${name}.key`), 'utf8'),
      cert: readFileSync(join(this.#folder, `${name}.crt`), 'utf8'),
      fingerprint: shown.trim().replace(/^.*=/, ''),
    };
  }
}
