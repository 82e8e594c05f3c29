import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { freeFolder, NodeProcess, splitAddress } from '../node-process/index.ts';
import { certificate, TlsFiles } from '../operations/certificates.ts';

const h2spec = process.env.MESH_TEST_H2SPEC;
const missing = h2spec === undefined ? (process.env.MESH_TEST_MISSING ?? 'h2spec is not prepared') : false;

/** All of generic, hpack and http2, with those that are strict. */
const TESTS = 146;
const RUN_TIMEOUT_MS = 120_000;
/** How long h2spec waits for what it expects; a busy machine needs more than its default. */
const ANSWER_TIMEOUT_S = 10;

/** Runs every test of h2spec, the strict ones among them. What it says of those that failed is in the answer. */
function judge(address: string, ...more: readonly string[]): Promise<string> {
  const [host, port] = splitAddress(address);
  const args = ['--strict', '--host', host, '--port', port, '--timeout', String(ANSWER_TIMEOUT_S), ...more];
  return new Promise((resolve) => {
    execFile(h2spec ?? '', args, { timeout: RUN_TIMEOUT_MS, maxBuffer: 16_777_216 }, (_error, stdout) => resolve(stdout));
  });
}

/** The counts, and what failed. */
function verdictOf(report: string): { readonly counts: string | undefined; readonly failures: string } {
  const counts = /^\d+ tests, .*$/m.exec(report)?.[0];
  const at = report.indexOf('Failures:');
  return { counts, failures: at < 0 ? '' : report.slice(at) };
}

const ALL_PASSED = { counts: `${TESTS} tests, ${TESTS} passed, 0 skipped, 0 failed`, failures: '' };

describe('h2spec, strict, all of generic, hpack and http2, at the port of a node', { skip: missing }, () => {
  it('passes in plain text', async () => {
    await using node = await NodeProcess.start({ flags: { 'runtime-server': 'null' } });
    assert.deepEqual(verdictOf(await judge(node.addresses.inference)), ALL_PASSED);
  });

  it('passes under TLS', async () => {
    await using folder = await freeFolder();
    const files = new TlsFiles(folder.path);
    files.use(certificate());
    await using node = await NodeProcess.start({ folder: folder.path, flags: { 'runtime-server': 'null', ...files.flags } });
    assert.deepEqual(verdictOf(await judge(node.addresses.inference, '--tls', '--insecure')), ALL_PASSED);
  });
});
