import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelKey } from '@modelmesh/core';
import { headerBlock } from '@modelmesh/grpc/stream';
import { RECIPES_MAX, RuntimeHeaders } from './runtime-headers.ts';

const CLIENT = [
  ...[':method', 'POST', ':scheme', 'https', ':path', '/a.B/C', ':authority', 'mesh.example'],
  ...['content-type', 'application/grpc', 'te', 'trailers', 'user-agent', 'agent/1', 'x-tenant', 'acme'],
  ...['mm-model-id', 'asked', 'grpc-timeout', '5S', 'mesh-call', 'forged', 'x-request-id', 'r-1'],
];
const RUNTIME = (model: string, base64: string): readonly string[] => [
  ...[':method', 'POST', ':scheme', 'http', ':authority', 'localhost', ':path', '/a.B/C'],
  ...['content-type', 'application/grpc', 'x-tenant', 'acme', 'x-request-id', 'r-1'],
  ...['te', 'trailers', 'mm-model-id-bin', base64, 'mm-model-id', model],
];

test('the runtime gets what is the client’s, nothing of the mesh’s or the transport’s, and the key of the model', () => {
  const client = headerBlock(CLIENT);
  const blocks = new RuntimeHeaders();
  assert.deepEqual(blocks.of(client, modelKey('m')).raw(), RUNTIME('m', 'bQ'));
  assert.deepEqual(blocks.of(client, modelKey('n')).raw(), RUNTIME('n', 'bg'), 'the same block, for another model');
});

test('RECIPES_MAX: of more models the one that was met first is made anew, and none is confused with another', () => {
  const blocks = new RuntimeHeaders();
  const client = headerBlock(CLIENT);
  const idOf = (at: number): string | undefined => blocks.of(client, modelKey(`m${at}`)).get('mm-model-id');
  for (let at = 0; at < RECIPES_MAX + 10; at += 1) assert.equal(idOf(at), `m${at}`);
  assert.equal(blocks.kept, RECIPES_MAX);
  assert.equal(idOf(0), 'm0');
  assert.equal(blocks.kept, RECIPES_MAX);
});
