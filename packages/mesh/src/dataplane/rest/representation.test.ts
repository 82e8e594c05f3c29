import assert from 'node:assert/strict';
import { it } from 'node:test';
import { headerBlock } from '@modelmesh/grpc/stream';
import fc from 'fast-check';
import { splitTarget } from './exchange/index.ts';
import { contentCoding, negotiatedCoding, queryFlag } from './representation.ts';
import { isRestPath, methodsOf, parseRoute } from './routes.ts';

it('a coding is chosen by weight, gzip before deflate where they are equal', () => {
  const chosen = (value: string) => negotiatedCoding(headerBlock(['accept-encoding', value]));
  const cases: Record<string, string> = {
    'gzip, deflate, br': 'gzip',
    'deflate;q=1, gzip;q=0.9': 'deflate',
    '*': 'gzip',
    'identity;q=1, gzip;q=0.5': 'identity',
    'gzip;q=0, deflate;q=0, *': 'identity',
    'GZIP; Q=0.1': 'gzip',
    br: 'identity',
    '': 'identity',
    'gzip;q=nonsense': 'identity',
  };
  for (const [value, expected] of Object.entries(cases)) assert.equal(chosen(value), expected, value);
  assert.equal(negotiatedCoding(headerBlock([])), 'identity');
  fc.assert(fc.property(fc.string(), (value) => ['gzip', 'deflate', 'identity'].includes(chosen(value))));
});

it('a coding of several layers is refused', () => {
  assert.equal(contentCoding(headerBlock(['content-encoding', ' X-GZip '])), 'gzip');
  assert.throws(() => contentCoding(headerBlock(['content-encoding', 'gzip, gzip'])), /"gzip, gzip" is not supported/);
});

it('a flag in a query stands alone or is true', () => {
  for (const query of ['loaded', 'loaded=true', 'a=b&loaded=1']) assert.equal(queryFlag(query, 'loaded'), true, query);
  for (const query of ['', 'loaded=false', 'unloaded=true', 'loaded=yes']) assert.equal(queryFlag(query, 'loaded'), false, query);
});

it('a target is split at its first question mark, in origin and absolute form', () => {
  assert.deepEqual(splitTarget('/a?b?c'), { path: '/a', query: 'b?c' });
  assert.deepEqual(splitTarget('HTTP://h:1/a?b'), { path: '/a', query: 'b' });
  assert.deepEqual(splitTarget('http://h'), { path: '/', query: '' });
  assert.deepEqual(splitTarget('*'), { path: '*', query: '' });
});

it('paths of REST inference are told from all others', () => {
  for (const path of ['/', '/v2', '/v2?x', '/v2/models/a', '/v1/models', '/v1/models/a:predict', '/?x=1'])
    assert.equal(isRestPath(path), true, path);
  for (const path of ['/v20', '/v1', '/v1/modelsx', '/api/v1/models', '/metrics', '*', ''])
    assert.equal(isRestPath(path), false, path);
});

it('every name comes back from its path, alone, with a version or with a label', () => {
  const name = fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }).filter((text) => text.isWellFormed());
  fc.assert(
    fc.property(name, fc.constantFrom('alone', 'versions', 'labels'), name, (model, what, which) => {
      const base = encodeURIComponent(model) + (what === 'alone' ? '' : `/${what}/${encodeURIComponent(which)}`);
      const version = what === 'versions' ? which : undefined;
      const label = what === 'labels' ? which : undefined;
      for (const [path, kind] of [
        [`/v2/models/${base}`, 'model-metadata'],
        [`/v2/models/${base}/ready`, 'model-ready'],
        [`/v2/models/${base}/infer`, 'infer'],
        [`/v2/models/${base}/generate`, 'generate'],
        [`/v2/models/${base}/generate_stream`, 'generate-stream'],
        [`/v1/models/${base}`, 'v1-status'],
        [`/v1/models/${base}:predict`, 'predict'],
      ] as const)
        assert.deepEqual(parseRoute(path), { kind, name: model, version, label });
    }),
  );
});

it('a path is answered or refused, never a crash', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('v1', 'v2', 'models', 'a', 'versions', 'labels', '1', 'infer', 'health', '', '%', ':predict')),
      (parts) => {
        try {
          const route = parseRoute(`/${parts.join('/')}`);
          if (route !== undefined) assert.ok(methodsOf(route.kind).length > 0);
        } catch (error) {
          assert.match(String(error), /percent-encoded/);
        }
      },
    ),
  );
});
