/** The OpenAPI 3.1 document, from the descriptions that also check the requests. */
import * as z from 'zod';
import type { AnyRoute } from './api.ts';

type Json = Readonly<Record<string, unknown>>;

export function openApi(base: string, version: string, routes: readonly AnyRoute[]): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const each of routes) {
    const path = base + each.path;
    paths[path] = { ...paths[path], [each.method]: operation(each) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'posthaste',
      version,
      description:
        'See and steer a mail queue. Times are milliseconds since 1970 (UTC). Lists in a query stand in one parameter with commas, or in several of its name.',
    },
    paths,
    components: {
      schemas: { Problem: PROBLEM },
      securitySchemes: {
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'posthaste_session',
          description:
            'With the port behind it, where the address by which the server is called has one: posthaste_session_8025.',
        },
        basic: { type: 'http', scheme: 'basic' },
      },
    },
  };
}

const PROBLEM: Json = {
  type: 'object',
  description:
    'RFC 9457. `code` is that of the error in the library; `errors` names the parts of the request that are wrong.',
  required: ['type', 'status', 'title', 'detail'],
  properties: {
    type: { type: 'string' },
    status: { type: 'integer' },
    title: { type: 'string' },
    code: { type: 'string' },
    detail: { type: 'string' },
    id: { type: 'string', description: 'With KEY_CONFLICT: the message that has the key.' },
    errors: {
      type: 'array',
      items: { type: 'object', properties: { path: { type: 'string' }, message: { type: 'string' } } },
    },
  },
};

function operation(each: AnyRoute): Json {
  const parameters = [...parametersOf(each.params, 'path'), ...parametersOf(each.query, 'query')];
  const content = {
    ...(each.body !== undefined && { 'application/json': { schema: jsonSchema(each.body) } }),
    ...Object.fromEntries((each.streams ?? []).map((type) => [type, { schema: { type: 'string', format: 'binary' } }])),
  };
  return {
    operationId: operationId(each),
    summary: each.summary,
    ...(parameters.length > 0 && { parameters }),
    ...(Object.keys(content).length > 0 && { requestBody: { required: true, content } }),
    responses: { 200: { description: 'Done.', content: answerOf(each) }, default: FAILURE },
    security: each.needs === null ? [] : [{ session: [] }, { basic: [] }],
    ...(each.needs !== null && { 'x-role': each.needs }),
  };
}

const FAILURE: Json = {
  description: 'It could not be done.',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

/** `GET /messages/{id}/raw` -> `getMessagesIdRaw`. */
function operationId({ method, path }: AnyRoute): string {
  const words = path.split(/[^a-z0-9]+/i).filter((word) => word !== '');
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function answerOf({ answer, gives }: AnyRoute): Json {
  if (answer !== undefined) return { 'application/json': { schema: jsonSchema(answer) } };
  return { [gives ?? 'application/octet-stream']: { schema: { type: 'string', format: 'binary' } } };
}

function jsonSchema(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' });
  return rest;
}

function parametersOf(schema: z.ZodType | undefined, place: 'path' | 'query'): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = jsonSchema(schema) as {
    readonly properties?: Readonly<Record<string, Json>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description !== undefined && { description }),
    schema: rest,
    // Several parameters are as good, but a description has one form.
    ...(rest.type === 'array' && { style: 'form', explode: false }),
  }));
}
