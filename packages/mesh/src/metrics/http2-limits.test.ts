import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { STREAM_LIMIT_DEFAULTS, type StreamLimitName } from '@modelmesh/grpc/stream';
import { ABUSES, testOf } from './http2-limits.ts';

const NAMES = Object.keys(STREAM_LIMIT_DEFAULTS) as readonly StreamLimitName[];

test('the suite that the catalogue names for a limit has a test of it', () => {
  for (const name of NAMES) {
    const suite = fileURLToPath(new URL(`../../../../${testOf(name)}`, import.meta.url));
    assert.ok(readFileSync(suite, 'utf8').includes(name), `${testOf(name)} does not name ${name}`);
  }
});

test('each abuse ends at a limit', () => {
  for (const { what, limits } of ABUSES) assert.ok(limits.length > 0, what);
});
