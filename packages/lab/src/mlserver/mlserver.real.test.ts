import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderTable, SUITE_LEEWAY } from '../figures/index.ts';
import { COMPARISON, compareWithMlServer, comparisonHolds, comparisonTable } from './index.ts';

const python = process.env.MESH_TEST_MLSERVER;
const missing = python === undefined ? (process.env.MESH_TEST_MISSING ?? 'MLServer is not prepared') : false;

describe('node and embedded runtime together', () => {
  it('answer four times the requests of MLServer for each second of CPU time', { skip: missing, timeout: 300_000 }, async (t) => {
    const figures = await compareWithMlServer(python ?? '', { ...COMPARISON, rounds: 3 });
    t.diagnostic(renderTable(comparisonTable(figures), false));
    assert.ok(
      comparisonHolds(figures, SUITE_LEEWAY),
      `${figures.grpc.times.median} × over gRPC, ${figures.rest.times.median} × over REST`,
    );
  });
});
