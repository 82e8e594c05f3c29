import { ERROR_KINDS } from '@modelmesh/wire/status';
import { z } from 'zod';
import { type AnyRoute, parameterOf } from './route.ts';
import { QUERIES, SCHEMAS, type SchemaName } from './schemas.ts';

/** The path of the stream of events, which is described beside the table of routes: its answer is no JSON. */
export const EVENTS_PATH = '/api/v1/events';
/** What it does. */
export const EVENTS_SUMMARY =
  'What happens on the node that answers, as it happens. A listener that is too slow is dropped with a last event "dropped".';

type Json = Readonly<Record<string, unknown>>;

const ref = (name: SchemaName): Json => ({ $ref: `#/components/schemas/${name}` });
const json = (name: SchemaName): Json => ({ 'application/json': { schema: ref(name) } });
const FAILURE: Json = { description: 'Not done; kind says why.', content: json('Error') };

/** The OpenAPI 3.1 document of the API, made from its routes and schemas. */
export function openApiDocument(routes: readonly AnyRoute[], version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const operations = paths[route.path] ?? {};
    operations[route.method.toLowerCase()] = operation(route);
    paths[route.path] = operations;
  }
  paths[EVENTS_PATH] = { get: eventsOperation() };
  return {
    openapi: '3.1.0',
    info: { title: 'Model Mesh management', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths,
    components: { schemas: componentSchemas() },
  };
}

function operation(route: AnyRoute): Json {
  const success = { description: 'Done.', ...(route.answer === null ? {} : { content: json(route.answer) }) };
  const body = route.takesManifest ? 'Manifest' : route.body;
  const statuses = route.query === 'load' ? [route.status, 202] : [route.status];
  return {
    operationId: route.id,
    summary: route.summary,
    parameters: [...pathParameters(route.path), ...queryParameters(QUERIES[route.query])],
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(body) } }),
    responses: { ...Object.fromEntries(statuses.map((status) => [String(status), success])), default: FAILURE },
  };
}

function eventsOperation(): Json {
  const schema = { type: 'string', description: 'server-sent events; the data of each is an Event' };
  return {
    operationId: 'streamEvents',
    summary: EVENTS_SUMMARY,
    parameters: [
      ...queryParameters(QUERIES.events),
      { name: 'last-event-id', in: 'header', required: false, schema: { type: 'integer', minimum: 0 } },
    ],
    responses: { '200': { description: 'Events.', content: { 'text/event-stream': { schema } } }, default: FAILURE },
  };
}

function pathParameters(path: string): readonly Json[] {
  const name = parameterOf(path);
  const description = 'percent-encoded, slashes too';
  return name === undefined ? [] : [{ name, in: 'path', required: true, description, schema: { type: 'string', minLength: 1 } }];
}

function queryParameters(schema: z.ZodObject): readonly Json[] {
  return Object.entries(schema.shape).map(([name, field]) => {
    const { description, ...described } = z.toJSONSchema(field, { io: 'input', unrepresentable: 'any' });
    const { $schema: _, ...plain } = described;
    return { name, in: 'query', required: false, ...(description === undefined ? {} : { description }), schema: plain };
  });
}

/** The schemas by name, each referring to the others where it holds one. */
function componentSchemas(): Json {
  const names = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(SCHEMAS)) names.add(schema, { id });
  const { schemas } = z.toJSONSchema(names, { uri: (id) => `#/components/schemas/${id}`, io: 'output' });
  const described = Object.entries(schemas).map(([name, { $schema: _, $id: __, ...schema }]) => [name, schema]);
  const { Error: failure, ...rest } = Object.fromEntries(described);
  return { ...rest, Error: { ...failure, properties: { ...failure.properties, kind: { type: 'string', enum: ERROR_KINDS } } } };
}
