import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { TEST_CERTIFICATES } from '@modelmesh/grpc/testing';
import type { EtcdSettings } from '../../config/index.ts';
import { checkEtcdFiles, readEtcdPlace } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'mesh-etcd-place-'));
after(() => rmSync(folder, { recursive: true }));

function written(name: string, content: string | object): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}
const fromFile = (content: string | object) => ({ kind: 'etcd' as const, from: { file: written('etcd.json', content) } });
const problems = (content: string | object): string =>
  checkEtcdFiles({ registry: fromFile(content) })
    .map(({ expected }) => expected)
    .join('\n');

describe("ModelMesh's JSON for etcd (§3.1)", () => {
  it('says everything, with certificates as text or as files beside it', () => {
    const { server, client } = TEST_CERTIFICATES;
    written('ca.pem', server.cert);
    const place = readEtcdPlace(
      fromFile({
        endpoints: 'https://a:1,https://b',
        userid: 'mesh',
        password: 'secret',
        root_prefix: 'serving',
        certificate_file: 'ca.pem',
        client_certificate: client.cert,
        client_key: client.key,
        override_authority: 'etcd',
        of_another_program: 1,
      }),
    );
    assert.deepEqual(place.endpoints, [
      { host: 'a', port: 1 },
      { host: 'b', port: 2379 },
    ]);
    assert.deepEqual(
      [place.rootPrefix, place.authority, place.user?.name, place.user?.password()],
      ['serving', 'etcd', 'mesh', 'secret'],
    );
    assert.deepEqual(place.tls?.(), { ca: [server.cert], cert: client.cert, key: client.key });
  });

  it('is read again, so that an exchanged password counts', () => {
    const connection = { endpoints: 'a:1', userid: 'mesh', password: 'old' };
    const { user, tls } = readEtcdPlace(fromFile(connection));
    assert.equal(tls, undefined);
    fromFile({ ...connection, password: 'new' });
    assert.equal(user?.password(), 'new');
  });

  it('is refused with all its problems at once and none of its secrets', () => {
    const found = problems({ endpoints: 'a:1,b:x', password: 'hunter2', client_key: 'k', root_prefix: 5 });
    for (const what of ['root_prefix must be a text', 'endpoints has "b:x"', 'client_certificate_file', 'userid']) {
      assert.ok(found.includes(what), `${what}: ${found}`);
    }
    const broken = problems('{"password": "hunter2"');
    assert.match(broken, /not JSON/);
    assert.doesNotMatch(found + broken, /hunter2/);
    assert.match(problems({ endpoints: 'https://a', certificate: 'no PEM' }), /cannot be used/);
    assert.match(problems([]), /must hold an object/);
  });
});

describe('settings of etcd', () => {
  const settings: EtcdSettings = {
    endpoints: [{ scheme: 'https', host: 'a', port: 1 }],
    rootPrefix: '',
    caPath: join(folder, 'no-ca.pem'),
    certPath: null,
    keyPath: null,
    user: 'mesh',
    passwordFile: join(folder, 'no-password'),
    authority: null,
  };

  it('name files that are all looked at', () => {
    const found = checkEtcdFiles({ registry: { kind: 'etcd', from: { settings } } });
    assert.match(found[0]?.expected ?? '', /no-ca\.pem: ENOENT/);
    assert.match(found[1]?.expected ?? '', /no-password: ENOENT/);
    const passwordFile = written('password', 'secret\n');
    const place = readEtcdPlace({ kind: 'etcd', from: { settings: { ...settings, passwordFile } } });
    assert.equal(place.user?.password(), 'secret');
  });
});
