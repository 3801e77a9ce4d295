/** Requests to the API: its address comes from the document, and its errors say what, where and what to do. */

/** Below which everything is, with a slash at its end. */
export const BASE = new URL('./', document.baseURI).pathname;

type Parameter = string | number | boolean | readonly string[] | null | undefined;
export type Parameters = Readonly<Record<string, Parameter>>;

/** An answer of application/problem+json (RFC 9457), or none at all: then the status is 0. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** The address of a route, as `/messages/count`; parameters that are empty are left out. */
export function apiUrl(path: string, parameters: Parameters = {}): string {
  const url = new URL(`${BASE}api/v1${path}`, location.origin);
  for (const [name, value] of Object.entries(parameters)) {
    const text = Array.isArray(value) ? value.join(',') : String(value ?? '');
    if (text !== '') url.searchParams.set(name, text);
  }
  return url.href;
}

/** Throws ApiError. */
export function get<Answer>(path: string, parameters: Parameters = {}, signal?: AbortSignal): Promise<Answer> {
  return ask<Answer>(apiUrl(path, parameters), { ...(signal !== undefined && { signal }) });
}

/** Throws ApiError. */
export function post<Answer>(path: string, body: unknown = {}): Promise<Answer> {
  return ask<Answer>(apiUrl(path), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** A file as it is, under a type that the route takes. Throws ApiError. */
export function send<Answer>(path: string, file: Blob, type: string, parameters: Parameters = {}): Promise<Answer> {
  return ask<Answer>(apiUrl(path, parameters), { method: 'POST', headers: { 'content-type': type }, body: file });
}

/** Throws ApiError. */
export function remove<Answer>(path: string): Promise<Answer> {
  return ask<Answer>(apiUrl(path), { method: 'DELETE' });
}

async function ask<Answer>(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'UNREACHABLE', 'posthaste does not answer: is it still running?');
  });
  if (!response.ok) throw await errorOf(response);
  return (await response.json().catch(() => {
    // A proxy gave another one, or the connection broke in the middle of it.
    throw new ApiError(response.status, 'UNKNOWN', 'What came was no whole answer of posthaste: try again.');
  })) as Answer;
}

async function errorOf(response: Response): Promise<ApiError> {
  const plain = new ApiError(response.status, 'UNKNOWN', `The server answered ${response.status}.`);
  if (!(response.headers.get('content-type') ?? '').includes('json')) return plain;
  const problem = (await response.json().catch(() => ({}))) as { readonly code?: string; readonly detail?: string };
  return new ApiError(response.status, problem.code ?? plain.code, problem.detail ?? plain.message);
}

/** What to show of anything that was thrown. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
