import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from '../run-steps.ts';
import { readPage } from './pages.ts';

/** The test classes of ModelMesh that have a row (spec `modelmesh.md` §8). */
const CLASSES = `
  SidecarModelMeshTest UdsSidecarModelMeshTest ZookeeperSidecarModelMeshTest ZookeeperVModelsTest ModelMeshClusterTest
  ModelMeshClusterSeparateServeTest ModelMeshTest EvictionsModelMeshTest ModelMeshEvictionsTest ModelMeshLoadFailureTest
  ModelMeshFailureExpiryTest ModelMeshLoadPriorityTest ModelMeshTearDownTest ModelMeshZkFailTest ModelMeshEtcdFailFastTest
  ModelMeshErrorPropagationTest ModelMeshRefreshMissingModelTest ModelMeshTritonRefreshMissingModelTest
  ModelMeshMlServerRefreshMissingModelTest ModelMeshRMMSeparateServeTest ModelMeshRMMSeparateServeTest2 ModelMeshRMMUnloadNotFound
  ModelMeshIdInjectTest ModelMeshAllowAnyMethodTest ModelMeshAllowWithNoInjectionTest ModelMeshIdExtractTest ModelMeshVmIdExtractTest
  ProtoSplicerTest VModelsTest ModelMeshHeaderLoggingTest ModelMeshMetricsTest ModelMeshClusterTlsTest
  ModelMeshClusterTlsClientAuthTest LegacyAddRemoveProtoTest LegacyTasProtoTest SidecarModelMeshPayloadProcessingTest
  AsyncPayloadProcessorTest CompositePayloadProcessorTest MatchingPayloadProcessorTest RemotePayloadProcessorTest
`
  .trim()
  .split(/\s+/);

/** A test that a row names. */
interface Named {
  readonly row: string;
  readonly file: string;
  readonly title: string;
}

const PAGE = 'docs/spec/acceptance.md';
/** The lines of the table without its head. */
const rows = readPage(PAGE)
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .slice(2)
  .map((line) => {
    const [, classes = '', behaviour = '', shownBy = ''] = line.split('|').map((cell) => cell.trim());
    return { line, classes, behaviour, shownBy };
  });

const namedIn = ({ line, shownBy }: { readonly line: string; readonly shownBy: string }): readonly Named[] =>
  [...shownBy.matchAll(/`([^`]+\.test\.ts)` › (.+?)(?=<br>|$)/g)].map(([, file = '', title = '']) => ({
    row: line,
    file,
    title,
  }));

/** Every title in a file of tests, as it stands in the source but for escaped quotes. */
function titlesOf(source: string): ReadonlySet<string> {
  const calls = source.matchAll(/\b(?:describe|it|test)\(\s*(?:'((?:[^'\\]|\\.)*)'|`([^`]*)`|"([^"]*)")/g);
  return new Set(
    [...calls].map(([, single, template, double]) => (single ?? template ?? double ?? '').replace(/\\(['"`])/g, '$1')),
  );
}

describe('the list of what ModelMesh shows', () => {
  it('has a row for every class', () => {
    const listed = rows.flatMap(({ classes }) => classes.split(', '));
    assert.deepEqual(
      listed.filter((name) => name !== '' && !CLASSES.includes(name)),
      [],
    );
    assert.deepEqual(
      CLASSES.filter((name) => !listed.includes(name)),
      [],
    );
  });

  it('names in every row tests that exist', () => {
    for (const row of rows) {
      assert.notEqual(row.behaviour, '', row.line);
      assert.ok(namedIn(row).length > 0, `no test in: ${row.line}`);
    }
    const missing = rows.flatMap(namedIn).flatMap(({ file, title }) => {
      const path = join('packages', file);
      if (!existsSync(join(ROOT, path))) return [`${path} is not there`];
      return titlesOf(readPage(path)).has(title) ? [] : [`${path} has no test "${title}"`];
    });
    assert.deepEqual(missing, []);
  });
});
